import { describe, expect, test } from "@odoo/hoot";
import { queryAllTexts } from "@odoo/hoot-dom";
import { defineModels, fields, models, mountView } from "@web/../tests/web_test_helpers";
import { defineZadarmaModels } from "@zadarma/../tests/zadarma_test_helpers";

describe.current.tags("desktop");
defineZadarmaModels();

class Talk extends models.Model {
    _name = "talk";

    seconds = fields.Float();
    who = fields.Selection({
        selection: [
            ["anna", "Anna"],
            ["karl", "Karl"],
        ],
    });

    _records = [
        { id: 1, who: "anna", seconds: 60 },
        { id: 2, who: "anna", seconds: 70 },
        { id: 3, who: "karl", seconds: 5 },
    ];
}
defineModels([Talk]);

const FIELD = `<field name="seconds" widget="zadarma_duration"`;

test("a pivot shows durations", async () => {
    await mountView({
        type: "pivot",
        resModel: "talk",
        arch: `<pivot><field name="who" type="row"/>${FIELD} type="measure"/></pivot>`,
    });
    expect(queryAllTexts(".o_pivot_cell_value")).toEqual(["2:15", "2:10", "0:05"]);
});

test("a list shows durations, in its lines and below them", async () => {
    await mountView({
        type: "list",
        resModel: "talk",
        arch: `<list>${FIELD} avg="Average"/></list>`,
    });
    expect(queryAllTexts(".o_data_cell")).toEqual(["1:00", "1:10", "0:05"]);
    expect(".o_list_footer .o_list_number").toHaveText("0:45");
});
