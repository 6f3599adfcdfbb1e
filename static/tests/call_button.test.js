import {
    contains,
    openFormView,
    openKanbanView,
    openListView,
} from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { Deferred, press, queryFirst } from "@odoo/hoot-dom";
import { animationFrame } from "@odoo/hoot-mock";
import { asyncStep, onRpc, waitForSteps } from "@web/../tests/web_test_helpers";
import {
    defineZadarmaModels,
    makeCall,
    startWithExtension,
    waitForText,
} from "@zadarma/../tests/zadarma_test_helpers";

describe.current.tags("desktop");
defineZadarmaModels();

const BUTTON = ".o_zadarma_call_button";
const ARCHS = {
    form: `<form><field name="phone" widget="phone"/></form>`,
    list: `<list><field name="name"/><field name="phone" widget="phone"/></list>`,
    kanban: `<kanban><templates><t t-name="card"><field name="phone" widget="phone"/></t></templates></kanban>`,
};

/** Show a contact with a number in a view, to a user who can call unless told otherwise. */
async function showContact(type, { phone = "+49 170 1234567", popupState } = {}) {
    const { pyEnv } = await startWithExtension({ popupState: { can_dial: true, ...popupState } });
    const resId = pyEnv["res.partner"].create({ name: "Erika", phone });
    const options = { arch: ARCHS[type], domain: [["id", "=", resId]] };
    if (type === "form") {
        await openFormView("res.partner", resId, options);
    } else {
        await (type === "list" ? openListView : openKanbanView)("res.partner", options);
    }
    await contains(`.o_${type}_view`);
    return { pyEnv, resId };
}

/** Have what is asked of the server take a step. */
function stepCalls(answer) {
    onRpc("zadarma.call", "action_call", ({ args, kwargs }) => {
        const { confirmed, res_id, res_model } = kwargs;
        asyncStep([...args, res_model, res_id, confirmed].filter(Boolean).join(" "));
        return answer(kwargs);
    });
}

for (const type of ["form", "list", "kanban"]) {
    test(`a click on the button of a ${type} calls the number from its record`, async () => {
        const { resId } = await showContact(type);
        stepCalls(() => makeCall({ direction: "outbound" }));
        expect(`${BUTTON}`).toHaveCount(1);
        expect(BUTTON).toHaveAttribute("aria-label", "Call +49 170 1234567");
        queryFirst(BUTTON).click();
        await waitForSteps([`+49 170 1234567 res.partner ${resId}`]);
        await waitForText(".o_zadarma_call_card .o_zadarma_call_title", "Erika Muster");
    });
}

test("without an extension Odoo's own link stays alone", async () => {
    await showContact("list", { popupState: { can_dial: false } });
    expect(BUTTON).toHaveCount(0);
    expect("a[href='tel:+491701234567']").toHaveCount(1);
});

test("without a number there is no button", async () => {
    await showContact("form", { phone: false });
    expect(BUTTON).toHaveCount(0);
});

test("the keyboard calls from a list without opening the record", async () => {
    const { resId } = await showContact("list");
    stepCalls(() => makeCall({ direction: "outbound" }));
    queryFirst(BUTTON).focus();
    await press("Enter");
    await waitForSteps([`+49 170 1234567 res.partner ${resId}`]);
    expect(".o_list_view").toHaveCount(1);
});

test("a second click while the server is asked does nothing", async () => {
    const { resId } = await showContact("form");
    const answer = new Deferred();
    stepCalls(() => answer);
    queryFirst(BUTTON).click();
    queryFirst(BUTTON).click();
    await animationFrame();
    answer.resolve(makeCall({ direction: "outbound" }));
    await contains(".o_zadarma_call_card");
    await waitForSteps([`+49 170 1234567 res.partner ${resId}`]);
});

test("a refusal is told", async () => {
    const { resId } = await showContact("form");
    stepCalls(() => ({
        refused: "internal",
        message: "Dial it on your phone.",
        can_confirm: false,
    }));
    queryFirst(BUTTON).click();
    await waitForText(".o_notification", "Dial it on your phone.");
    await waitForSteps([`+49 170 1234567 res.partner ${resId}`]);
    expect(".o_zadarma_call_card").toHaveCount(0);
});

test("without an answer from Zadarma nobody is told that there is no call", async () => {
    const { resId } = await showContact("form");
    stepCalls(() => ({ refused: "unanswered", message: "Wait a minute.", can_confirm: false }));
    queryFirst(BUTTON).click();
    await waitForText(".o_notification", "No call yet");
    await waitForSteps([`+49 170 1234567 res.partner ${resId}`]);
});

test("what speaks against a call is asked, and a yes calls", async () => {
    const { resId } = await showContact("form");
    stepCalls(({ confirmed }) =>
        confirmed
            ? makeCall({ direction: "outbound" })
            : {
                  refused: "do_not_call",
                  message: "Erika asked not to be called.",
                  can_confirm: true,
              },
    );
    queryFirst(BUTTON).click();
    await waitForText(".modal", "Erika asked not to be called.");
    queryFirst(".modal .btn-primary").click();
    await contains(".o_zadarma_call_card");
    const target = `+49 170 1234567 res.partner ${resId}`;
    await waitForSteps([target, `${target} true`]);
});

test("what speaks against a call is asked, and a no does not call", async () => {
    const { resId } = await showContact("form");
    stepCalls(() => ({
        refused: "blocked",
        message: "This number is blocked.",
        can_confirm: true,
    }));
    queryFirst(BUTTON).click();
    await waitForText(".modal", "This number is blocked.");
    queryFirst(".modal .btn-secondary").click();
    await contains(".modal", { count: 0 });
    await waitForSteps([`+49 170 1234567 res.partner ${resId}`]);
    expect(".o_zadarma_call_card").toHaveCount(0);
});
