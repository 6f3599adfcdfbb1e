import { models } from "@web/../tests/web_test_helpers";

export class ZadarmaWebphone extends models.Model {
    _name = "zadarma.webphone";
}
