import { markup } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

const ON_PHONES = ["community", "mobile"];
const TOGGLE = ".o_main_navbar .o_menu_toggle";

/**
 * Points at an entry of a menu of the app: in the bar, or where phones have their menus.
 *
 * @param {string} menu - the menu in the bar
 * @param {string} entry
 * @param {Object|string} menuContent
 * @param {Object|string} entryContent
 * @returns {Object[]}
 */
function openMenu(menu, entry, menuContent, entryContent) {
    const step = { content: menuContent, tooltipPosition: "bottom", run: "click" };
    return [
        { ...step, isActive: ["desktop"], trigger: `.o_menu_sections [data-menu-xmlid="${menu}"]` },
        { ...step, isActive: ON_PHONES, trigger: TOGGLE },
        {
            trigger: `.dropdown-item[data-menu-xmlid="${entry}"], .o_burger_menu_content [data-menu-xmlid="${entry}"]`,
            content: entryContent,
            tooltipPosition: "right",
            run: "click",
        },
    ];
}

/** Shows those who telephone where their calls are and how to make one. Nothing is called and nothing is kept. */
registry.category("web_tour.tours").add("zadarma_calls_tour", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        { isActive: ON_PHONES, trigger: TOGGLE, tooltipPosition: "bottom", run: "click" },
        {
            isActive: ON_PHONES,
            trigger: ".o_app_menu_sidebar .o_sidebar_topbar a.btn-primary",
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: '.o_app[data-menu-xmlid="crm.crm_menu_root"]',
            content: markup(_t("<b>Your calls</b> are where your customers are: in the CRM.")),
            tooltipPosition: "bottom",
            run: "click",
        },
        ...openMenu(
            "zadarma.zadarma_call_menu",
            "zadarma.zadarma_call_menu_my",
            markup(_t("All about calls is in the menu <b>Calls</b>, missed ones first.")),
            markup(
                _t(
                    "<b>My Calls</b> has each call that rang at your phone, with its recording and what came of it.",
                ),
            ),
        ),
        {
            trigger: ".o_action_manager :is(.o_list_view, .o_kanban_view)",
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
        ...openMenu(
            "crm.crm_menu_sales",
            "crm.res_partner_menu_customer",
            _t("Numbers of customers can be called, too."),
            markup(_t("Go to your <b>Customers</b>.")),
        ),
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
        ...openMenu(
            "zadarma.zadarma_call_menu",
            "zadarma.zadarma_call_menu_my",
            markup(
                _t(
                    "<b>When your phone rings, a card shows who calls</b>: the name, the company, open deals, and when you talked last.",
                ),
            ),
            markup(
                _t(
                    "<b>After the call the card asks what came of it</b>: an outcome, a note, the next call. In My Calls you can do it later.",
                ),
            ),
        ),
        {
            isActive: ["auto"],
            trigger: ".o_action_manager :is(.o_list_view, .o_kanban_view)",
        },
    ],
});
