import { click, contains, openListView } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { press, queryFirst } from "@odoo/hoot-dom";
import {
    asyncStep,
    defineModels,
    fields,
    models,
    onRpc,
    serverState,
    waitForSteps,
} from "@web/../tests/web_test_helpers";
import {
    defineZadarmaModels,
    makeUnknownCall,
    startWithExtension,
} from "@zadarma/../tests/zadarma_test_helpers";

class MissedCall extends models.Model {
    _name = "zadarma.missed.call";

    number = fields.Char();
    number_display = fields.Char();
    state = fields.Selection({
        selection: [
            ["open", "Waiting"],
            ["done", "Done"],
        ],
    });
    user_id = fields.Many2one({ relation: "res.users" });
    partner_id = fields.Many2one({ relation: "res.partner" });
    lead_id = fields.Many2one({ relation: "crm.lead" });

    _views = {
        list: `<list><field name="number" widget="zadarma_call_back"/></list>`,
    };
    _records = [
        { id: 1, number: "+491701234567", number_display: "+49 170 1234567", state: "open" },
        { id: 2, number: "+491701234568", state: "done" },
    ];
}

describe.current.tags("desktop");
defineZadarmaModels();
defineModels({ MissedCall });

const BUTTON = ".o_zadarma_call_back";

/** Show the missed calls to a user with an extension. */
async function showList({ pyEnv } = {}) {
    const server = pyEnv ?? (await startWithExtension()).pyEnv;
    server["zadarma.call"].callAnswer = makeUnknownCall({ direction: "outbound" });
    onRpc("zadarma.call", "action_call", ({ args, kwargs }) => {
        asyncStep(`call ${args[0]} of ${kwargs.res_model} ${kwargs.res_id}`);
    });
    onRpc("zadarma.missed.call", "action_take", ({ args }) => {
        asyncStep(`take ${args[0]}`);
        return true;
    });
    await openListView("zadarma.missed.call");
    await contains(BUTTON);
}

test("only who waits is called back, and becomes one's own task", async () => {
    await showList();
    expect(BUTTON).toHaveAttribute("aria-label", "Call back +49 170 1234567");
    await click(BUTTON);
    await waitForSteps(["call +491701234567 of zadarma.missed.call 1", "take 1"]);
});

test("the keyboard calls back without opening the record", async () => {
    await showList();
    queryFirst(BUTTON).focus();
    await press("Enter");
    await waitForSteps(["call +491701234567 of zadarma.missed.call 1", "take 1"]);
    expect(".o_list_view").toHaveCount(1);
});

test("a task that is somebody's stays theirs", async () => {
    const { pyEnv } = await startWithExtension();
    pyEnv["zadarma.missed.call"].write([1], { user_id: serverState.userId });
    await showList({ pyEnv });
    await click(BUTTON);
    await waitForSteps(["call +491701234567 of zadarma.missed.call 1"]);
});

test("the call is one of the contact, where there is one", async () => {
    const { pyEnv } = await startWithExtension();
    const partnerId = pyEnv["res.partner"].create({ name: "Erika" });
    pyEnv["zadarma.missed.call"].write([1], { partner_id: partnerId, user_id: serverState.userId });
    await showList({ pyEnv });
    await click(BUTTON);
    await waitForSteps([`call +491701234567 of res.partner ${partnerId}`]);
});
