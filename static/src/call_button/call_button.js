import { Component, useState } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { patch } from "@web/core/utils/patch";
import { PhoneField } from "@web/views/fields/phone/phone_field";
import { AvatarCardPopover } from "@mail/discuss/web/avatar_card/avatar_card_popover";

/** Calls a number. Not there for people who cannot call, and without a number. */
export class CallButton extends Component {
    static template = "zadarma.CallButton";
    static props = {
        number: { type: [String, Boolean], optional: true },
        resModel: { type: String, optional: true },
        resId: { type: [Number, Boolean], optional: true },
    };

    setup() {
        this.callService = useService("zadarma_call");
        this.calls = useState(this.callService.state);
        this.state = useState({ isBusy: false });
    }

    get label() {
        return _t("Call %(number)s", { number: this.props.number });
    }

    get title() {
        return _t("Call %(number)s: your phone rings first", { number: this.props.number });
    }

    async onClick() {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            await this.callService.call(this.props);
        } finally {
            this.state.isBusy = false;
        }
    }

    /** A list would open the record of the row instead. */
    onKeydown(ev) {
        if (ev.key === "Enter" || ev.key === " ") {
            ev.stopPropagation();
        }
    }
}

for (const component of [AvatarCardPopover, PhoneField]) {
    patch(component, {
        components: { ...component.components, ZadarmaCallButton: CallButton },
    });
}
