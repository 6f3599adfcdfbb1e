import { markup } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

/** Shows those who telephone where their calls are and how to make one. Nothing is called and nothing is kept. */
registry.category("web_tour.tours").add("zadarma_calls_tour", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            trigger: '.o_app[data-menu-xmlid="crm.crm_menu_root"]',
            content: markup(_t("<b>Your calls</b> are where your customers are: in the CRM.")),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: '.o_menu_sections [data-menu-xmlid="zadarma.zadarma_call_menu"]',
            content: markup(_t("All about calls is in the menu <b>Calls</b>, missed ones first.")),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: '.dropdown-item[data-menu-xmlid="zadarma.zadarma_call_menu_my"]',
            content: markup(
                _t(
                    "<b>My Calls</b> has each call that rang at your phone, with its recording and what came of it.",
                ),
            ),
            tooltipPosition: "right",
            run: "click",
        },
        {
            trigger: ".o_action_manager .o_list_view",
        },
        {
            trigger: "button.o_zadarma_dialler",
            content: markup(
                _t(
                    "<b>The phone in the top bar</b> is on every page. It counts your missed calls, finds people by name and calls any number: <b>your own phone rings first</b>. Open it, and close it with Escape.",
                ),
            ),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            isActive: ["auto"],
            trigger: ".o_zadarma_dialler_input",
            run: "press Escape",
        },
        {
            trigger: '.o_menu_sections [data-menu-xmlid="crm.crm_menu_sales"]',
            content: _t("Numbers of customers can be called, too."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: '.dropdown-item[data-menu-xmlid="crm.res_partner_menu_customer"]',
            content: markup(_t("Go to your <b>Customers</b>.")),
            tooltipPosition: "right",
            run: "click",
        },
        {
            trigger: ".o-kanban-button-new, .o_list_button_add",
            content: _t("Begin a new contact, only to see how its number is called."),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=phone] input",
            content: markup(_t("<b>Type a number</b> and press Tab.")),
            tooltipPosition: "bottom",
            run: "edit +49 30 1234567",
        },
        {
            isActive: ["auto"],
            trigger: ".o_form_view .o_field_widget[name=phone] input",
            run: "press Tab",
        },
        {
            trigger: ".o_form_view:has(.o_zadarma_call_button) .o_form_button_cancel",
            content: markup(
                _t(
                    "<b>The handset beside the number</b> calls it with one click. You find it beside every number. Discard the contact.",
                ),
            ),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".o_action_manager:not(:has(.o_form_view))",
        },
        {
            trigger: '.o_menu_sections [data-menu-xmlid="zadarma.zadarma_call_menu"]',
            content: markup(
                _t(
                    "<b>When your phone rings, a card shows who calls</b>: the name, the company, open deals, and when you talked last.",
                ),
            ),
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: '.dropdown-item[data-menu-xmlid="zadarma.zadarma_call_menu_my"]',
            content: markup(
                _t(
                    "<b>After the call the card asks what came of it</b>: an outcome, a note, the next call. In My Calls you can do it later.",
                ),
            ),
            tooltipPosition: "right",
            run: "click",
        },
        {
            isActive: ["auto"],
            trigger: ".o_action_manager .o_list_view",
        },
    ],
});
