import { onPatched, onWillPatch } from "@odoo/owl";

/**
 * Give the focus to somebody else when what has it goes: without that, whoever uses no mouse is at the
 * page's beginning again, and Escape reaches nobody.
 *
 * @param {{ el: HTMLElement }} root
 * @param {() => void} giveFocus
 */
export function useKeptFocus(root, giveFocus) {
    let hadFocus = false;
    onWillPatch(() => (hadFocus = Boolean(root.el?.contains(document.activeElement))));
    onPatched(() => {
        if (hadFocus && document.activeElement === document.body) {
            giveFocus();
        }
    });
}
