import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/**
 * Writes seconds as people read a duration: 0:42, 12:05, 1:02:03.
 *
 * @param {number} seconds
 * @returns {string}
 */
export function formatDuration(seconds) {
    const pad = (number) => String(number).padStart(2, "0");
    const whole = Math.max(0, Math.floor(seconds || 0));
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    const rest = pad(whole % 60);
    return hours ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** Shows a field of seconds as a duration. */
export class DurationField extends Component {
    static template = "zadarma.DurationField";
    static props = { ...standardFieldProps };

    get text() {
        return formatDuration(this.props.record.data[this.props.name]);
    }
}

registry.category("fields").add("zadarma_duration", {
    component: DurationField,
    displayName: _t("Duration in seconds"),
    supportedTypes: ["integer", "float"],
});

// What pivots, graphs and the sums of lists show of such a field; an average of nothing is none.
registry
    .category("formatters")
    .add("zadarma_duration", (seconds) => (seconds === false ? "" : formatDuration(seconds)));
