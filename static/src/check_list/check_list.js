import { Component } from "@odoo/owl";

import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const ICONS = {
    failed: "fa-times-circle text-danger",
    warning: "fa-exclamation-triangle text-warning",
    waiting: "fa-clock-o text-muted",
    ok: "fa-check-circle text-success",
};

/** What was checked, how it is, and what to do about it. */
export class CheckList extends Component {
    static template = "zadarma.CheckList";
    static props = {
        lines: {
            type: Array,
            element: {
                type: Object,
                shape: {
                    code: String,
                    state: String,
                    title: String,
                    text: String,
                    advice: { type: [String, Boolean], optional: true },
                    action: { type: [String, Boolean], optional: true },
                },
            },
        },
        /** Opens what helps with a line; without it lines lead nowhere. */
        onOpen: { type: Function, optional: true },
    };

    icon(line) {
        return ICONS[line.state];
    }
}

/** The results of the steps of Connect. */
export class ChecksField extends Component {
    static template = "zadarma.ChecksField";
    static components = { CheckList };
    static props = { ...standardFieldProps };

    get lines() {
        return this.props.record.data[this.props.name].records.map(({ data }) => ({
            code: data.code,
            state: data.state,
            title: data.display_name,
            text: data.message || "",
            advice: data.advice,
        }));
    }
}

registry.category("fields").add("zadarma_checks", {
    component: ChecksField,
    supportedTypes: ["many2many", "one2many"],
    relatedFields: [
        { name: "code", type: "char" },
        { name: "state", type: "char" },
        { name: "display_name", type: "char" },
        { name: "message", type: "text" },
        { name: "advice", type: "text" },
    ],
});
