from . import (
    crm_lead,
    res_company,
    res_config_settings,
    res_partner,
    res_users,
    zadarma_call,
    zadarma_call_leg,
    zadarma_caller,
    zadarma_event,
    zadarma_extension,
    zadarma_number,
)
