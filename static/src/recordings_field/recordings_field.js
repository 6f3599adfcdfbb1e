import { RecordingButton, RecordingPlayers } from "@zadarma/recording_button/recording_button";

import { Component } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** The recordings of a call: players in a form, a button where there is less room. */
export class RecordingsField extends Component {
    static template = "zadarma.RecordingsField";
    static components = { RecordingPlayers };
    static props = { ...standardFieldProps };

    get recordings() {
        return this.props.record.data[this.props.name] || [];
    }
}

export class RecordingsButtonField extends RecordingsField {
    static template = "zadarma.RecordingsButtonField";
    static components = { RecordingButton };
}

registry.category("fields").add("zadarma_recordings", {
    component: RecordingsField,
    displayName: _t("Recordings"),
    supportedTypes: ["json"],
});

for (const view of ["list", "kanban"]) {
    registry.category("fields").add(`${view}.zadarma_recordings`, {
        component: RecordingsButtonField,
        displayName: _t("Recordings"),
        supportedTypes: ["json"],
        listViewWidth: 40,
    });
}
