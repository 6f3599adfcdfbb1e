import { Component, onMounted, onWillUnmount, xml } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

/** How often a form is read again while something is under way, in milliseconds. */
export const RELOAD_EVERY = 5000;

/** Keeps a form up to date for as long as it is shown in it: what a cron does is seen without a click. */
export class ReloadWidget extends Component {
    static template = xml`<span class="o_zadarma_reload"/>`;
    static props = { ...standardWidgetProps };

    setup() {
        onMounted(() => {
            this.interval = setInterval(() => this.reload(), RELOAD_EVERY);
        });
        onWillUnmount(() => clearInterval(this.interval));
    }

    async reload() {
        const { record } = this.props;
        if (document.visibilityState === "visible" && record.resId && !(await record.isDirty())) {
            await record.load();
        }
    }
}

registry.category("view_widgets").add("zadarma_reload", { component: ReloadWidget });
