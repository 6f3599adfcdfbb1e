import { onRpc } from "@web/../tests/web_test_helpers";

// The call service starts in the web client of every addon's tests, also where our models are not defined.
onRpc("zadarma.call", "get_popup_state", function getPopupState({ parent }) {
    if ("zadarma.call" in this.env) {
        return parent();
    }
    return { now: 0, enabled: false, popup: false, sound: false, missed: 0, calls: [], asked: [] };
});
