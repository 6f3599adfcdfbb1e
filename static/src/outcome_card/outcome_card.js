import { formatDuration } from "@zadarma/duration_field/duration_field";
import { OutcomeForm } from "@zadarma/outcome_form/outcome_form";

import { Component } from "@odoo/owl";

import { useService } from "@web/core/utils/hooks";

/** Asks what came of one call, in the popup's place. */
export class OutcomeCard extends Component {
    static template = "zadarma.OutcomeCard";
    static components = { OutcomeForm };
    static props = {
        asked: Object,
        isOpen: Boolean,
        onClose: Function,
        onSave: Function,
        onToggle: Function,
    };

    setup() {
        this.callService = useService("zadarma_call");
    }

    get asked() {
        return this.props.asked;
    }

    get duration() {
        return formatDuration(this.asked.duration);
    }

    get bodyId() {
        return `zadarma_outcome_${this.asked.id}`;
    }

    onKeydown(ev) {
        // An open calendar takes it for itself.
        if (ev.key === "Escape" && !document.querySelector(".o_datetime_picker")) {
            ev.stopPropagation();
            this.props.onClose();
        }
    }

    waive() {
        return this.callService.waiveOutcome(this.asked.id);
    }
}
