import { markup } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

/** Leads whoever installed the addon to a connected account. */
registry.category("web_tour.tours").add("zadarma_tour", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            trigger: '.o_app[data-menu-xmlid="base.menu_administration"]',
            content: markup(_t("Bring your phone into Odoo: <b>connect your Zadarma account</b>.")),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: '.settings_tab .tab[data-key="zadarma"]',
            content: markup(_t("All about telephony is on the page <b>Zadarma</b>.")),
            tooltipPosition: "right",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=zadarma_key] input",
            content: _t("Create key and secret in your account at Zadarma and enter the key here."),
            tooltipPosition: "bottom",
            run: "edit tour-key",
        },
        {
            trigger: ".o_field_widget[name=zadarma_new_secret] input",
            content: _t("The secret goes here. It is written, and never shown again."),
            tooltipPosition: "bottom",
            run: "edit tour-secret",
        },
        {
            trigger: "button[name=action_zadarma_connect]",
            content: markup(
                _t(
                    "<b>Connect.</b> Odoo reads extensions and numbers, and Zadarma announces calls here from now on.",
                ),
            ),
            tooltipPosition: "right",
            run: "click",
        },
        {
            // Once the account is connected, the results are on the page.
            trigger: "#zadarma_steps [data-code=account][data-state=ok]",
        },
        {
            trigger: "#zadarma_extensions button:first",
            content: markup(_t("Now say <b>whose phone</b> each extension is.")),
            tooltipPosition: "top",
            run: "click",
        },
        {
            isActive: ["desktop"],
            trigger: ".o_list_view .o_data_row .o_data_cell[name=user_id]",
            content: _t("Click on a line and choose the user. Their calls pop up in Odoo."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            isActive: ["auto"],
            trigger: ".o_selected_row [name=user_id] input",
        },
        {
            isActive: ["auto"],
            trigger: ".o_list_button_discard:visible",
            run: "click",
        },
        {
            isActive: ["auto"],
            trigger: ".o_list_view:not(:has(.o_selected_row))",
        },
    ],
});
