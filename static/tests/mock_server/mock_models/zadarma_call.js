import { fields, models } from "@web/../tests/web_test_helpers";

export class ZadarmaCall extends models.Model {
    _name = "zadarma.call";

    name = fields.Char();
    player = fields.Json();

    /** What `get_popup_state` answers, besides the time. */
    popupState = {
        enabled: true,
        popup: true,
        sound: true,
        dnd: false,
        missed: 0,
        calls: [],
        asked: [],
    };
    /** What `action_choose_partner` answers. */
    chosenCall = undefined;

    /** What `action_call` answers: values of a popup, or a refusal. */
    callAnswer = undefined;

    get_popup_state() {
        return { now: Date.now() / 1000, ...this.popupState };
    }

    action_open_record([id]) {
        return { type: "ir.actions.act_window", name: "record", res_id: id };
    }

    action_create_partner([id]) {
        return { type: "ir.actions.act_window", name: "new contact", res_id: id };
    }

    action_create_lead([id]) {
        return { type: "ir.actions.act_window", name: "new lead", res_id: id };
    }

    action_block([id]) {
        return { type: "ir.actions.act_window", name: "block", res_id: id };
    }

    action_call() {
        return this.callAnswer;
    }

    action_choose_partner() {
        return this.chosenCall;
    }

    action_save_outcome() {
        return false;
    }

    action_waive_outcome() {
        return false;
    }

    action_open_missed() {
        return { type: "ir.actions.act_window", name: "missed calls" };
    }
}
