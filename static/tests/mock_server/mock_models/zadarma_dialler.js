import { models } from "@web/../tests/web_test_helpers";

export class ZadarmaDialler extends models.Model {
    _name = "zadarma.dialler";

    /** What `get_dialler_state` answers. */
    diallerState = { extension: "101", own_number: "", recent: [] };
    /** What `find_people` answers, by term. */
    people = {};

    get_dialler_state() {
        return this.diallerState;
    }

    get_own_number() {
        return "+44 20 3769 1880";
    }

    find_people(term) {
        return this.people[term] ?? [];
    }
}
