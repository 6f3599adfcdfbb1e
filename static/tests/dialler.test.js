import { click, contains } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import {
    advanceTime,
    animationFrame,
    keyDown,
    manuallyDispatchProgrammaticEvent,
    pointerDown,
    pointerUp,
    press,
    queryFirst,
} from "@odoo/hoot-dom";
import { Deferred } from "@odoo/hoot-mock";
import {
    asyncStep,
    getService,
    makeServerError,
    mockService,
    onRpc,
    patchWithCleanup,
    waitForSteps,
} from "@web/../tests/web_test_helpers";
import {
    defineZadarmaModels,
    startWithExtension,
    waitForText,
} from "@zadarma/../tests/zadarma_test_helpers";
import { cleanPasted, isNumber } from "@zadarma/dialler_panel/typed_text";

describe.current.tags("desktop");
defineZadarmaModels();

const TOGGLER = ".o_zadarma_dialler";
const PANEL = ".o_zadarma_dialler_panel";
const INPUT = ".o_zadarma_dialler_input";
const ROW = ".o_zadarma_dialler_row";

function makePerson(values = {}) {
    return {
        model: "res.partner",
        id: 3,
        name: "Anna Berg",
        detail: "Nordwind GmbH",
        number: "030 1234567",
        number_display: "+49 30 1234567",
        ...values,
    };
}

function makeRecent(values = {}) {
    return {
        call: 9,
        model: "res.partner",
        id: 3,
        name: "Anna Berg",
        number: "+49301234567",
        number_display: "+49 30 1234567",
        direction: "inbound",
        missed: true,
        result: "Missed",
        date: "2019-03-01 10:00:00",
        duration: 0,
        ...values,
    };
}

/** Start a web client whose user may dial, with calls that take a step, and open the dialler. */
async function openDialler({ people = {}, recent = [], ...popupState } = {}) {
    const { pyEnv } = await startWithExtension({ popupState: { can_dial: true, ...popupState } });
    Object.assign(pyEnv["zadarma.dialler"].people, people);
    pyEnv["zadarma.dialler"].diallerState.recent = recent;
    patchWithCleanup(getService("zadarma_call"), {
        call: async (target) => {
            asyncStep(`call ${Object.values(target).join(" ")}`);
            return 7;
        },
    });
    await click(TOGGLER);
    await contains(`${INPUT}:focus`);
    await waitForText(`${PANEL} .o_zadarma_dialler_line`, "+44 20 3769 1880 (extension 101)");
}

/** Type key by key, as people do. */
async function type(text) {
    for (const key of text) {
        await press(key);
    }
    await animationFrame();
}

const value = () => queryFirst(INPUT).value;

test("a typed number is called with Enter, and is gone when the dialler opens again", async () => {
    await openDialler();
    await type("+4930");
    expect(value()).toBe("+4930");
    await press("Enter");
    await waitForSteps(["call +4930"]);
    await contains(PANEL, { count: 0 });
    await click(TOGGLER);
    await contains(`${INPUT}:focus`);
    expect(value()).toBe("");
    await press("Enter");
    await animationFrame();
    await waitForSteps([]);
    expect(".o_zadarma_dialler_call").toHaveAttribute("disabled");
});

test("whoever has not called yet is offered a tour", async () => {
    await openDialler();
    await contains(
        `${PANEL} a[href='/odoo?tour=zadarma_calls_tour']:contains(Show me how it works)`,
    );
    await type("30");
    await contains(".o_zadarma_dialler_tour", { count: 0 });
});

test("whoever has called needs no tour", async () => {
    await openDialler({ recent: [makeRecent()] });
    await contains(ROW);
    expect(".o_zadarma_dialler_tour").toHaveCount(0);
});

test("Escape closes and gives the focus back", async () => {
    await openDialler();
    queryFirst(TOGGLER).focus();
    await press("alt+shift+d");
    await press("Escape");
    await contains(PANEL, { count: 0 });
    expect(TOGGLER).toBeFocused();
    await press("alt+shift+d");
    await contains(`${INPUT}:focus`);
});

test("digits typed anywhere in the panel land in the field", async () => {
    await openDialler();
    await type("1");
    queryFirst(".o_zadarma_dialler_call").focus();
    await type("2+");
    expect(INPUT).toBeFocused();
    expect(value()).toBe("12+");
    queryFirst(".o_zadarma_dialler_call").focus();
    await press("Backspace");
    await animationFrame();
    expect(value()).toBe("12");
});

test("the keypad writes at the cursor and leaves the focus where it is", async () => {
    await openDialler();
    for (const key of ["7", "9"]) {
        await click(`.o_zadarma_dialler_key[data-key='${key}']`);
    }
    expect(value()).toBe("79");
    queryFirst(INPUT).setSelectionRange(1, 1);
    await click(".o_zadarma_dialler_key[data-key='8']");
    expect(value()).toBe("789");
    await click(".o_zadarma_dialler_delete");
    expect(value()).toBe("79");
    expect(INPUT).toBeFocused();
});

test("zero held down is a plus", async () => {
    await openDialler();
    await pointerDown(".o_zadarma_dialler_key[data-key='0']");
    await advanceTime(600);
    await pointerUp(".o_zadarma_dialler_key[data-key='0']");
    await animationFrame();
    expect(value()).toBe("+");
    await click(".o_zadarma_dialler_key[data-key='0']");
    expect(value()).toBe("+0");
});

test("a pasted number is cleaned of what is around it", async () => {
    await openDialler();
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", "tel:+49-30-1234567;ext=5\n");
    await manuallyDispatchProgrammaticEvent(queryFirst(".o_zadarma_dialler_call"), "paste", {
        clipboardData,
    });
    await animationFrame();
    expect(value()).toBe("+49-30-1234567");
    expect(INPUT).toBeFocused();
});

test("what pasted texts mean", () => {
    for (const [text, meant] of [
        ["+49 30 1234567", "+49 30 1234567"],
        ["  030/123-45.67\r\n", "030/123-45.67"],
        ["tel:%2B49301234567", "+49301234567"],
        ["callto:0049301234567", "0049301234567"],
        ["sip:101@pbx.example.com", "101"],
        ["tel:%zz", "%zz"],
        ["Anna Berg, phone: +49 (0)30 1234567.", "+49 (0)30 1234567"],
        ["\u202a+49\u00a030 1234567\u202c", "+49 30 1234567"],
        ["Anna\tBerg", "Anna Berg"],
        ["Anna 030 1234567 or 030 7654321", "Anna 030 1234567 or 030 7654321"],
        ["٠٣٠١٢٣٤٥٦٧", "٠٣٠١٢٣٤٥٦٧"],
    ]) {
        expect(cleanPasted(text)).toBe(meant);
    }
    expect(isNumber("٠٣٠ ١٢")).toBe(true);
    expect(isNumber("030 12")).toBe(true);
    expect(isNumber("Anna 1")).toBe(false);
    expect(isNumber("+")).toBe(false);
});

test("people are found as one types, chosen with the arrow keys and called as who they are", async () => {
    onRpc("zadarma.dialler", "find_people", ({ args: [term] }) => asyncStep(`find ${term}`));
    await openDialler({
        people: {
            anna: [
                makePerson(),
                makePerson({ model: "crm.lead", id: 5, name: "Anna Sand", number: "+4822" }),
            ],
        },
    });
    await type("anna");
    expect(ROW).toHaveCount(0);
    await advanceTime(300);
    await waitForSteps(["find anna"]);
    await contains(ROW, { count: 2 });
    await waitForText(ROW, "Anna Berg+49 30 1234567 · Nordwind GmbH");
    expect(INPUT).not.toHaveAttribute("aria-activedescendant");
    await press("ArrowDown");
    await press("ArrowDown");
    await animationFrame();
    expect(INPUT).toHaveAttribute("aria-activedescendant", "zadarma_dialler_crm_lead_5");
    expect(`${ROW}[aria-selected='true']`).toHaveText(/Anna Sand/);
    await press("ArrowDown");
    await press("ArrowUp");
    await press("Enter");
    await waitForSteps(["call +4822 crm.lead 5"]);
});

test("where nobody could be asked, nobody is said to have no such number", async () => {
    expect.errors(1);
    await openDialler();
    onRpc("zadarma.dialler", "find_people", () => {
        throw makeServerError({ message: "down" });
    });
    await type("030");
    await advanceTime(300);
    await contains(".modal");
    expect(`${PANEL} .o_zadarma_dialler_empty`).toHaveText("");
    expect(`${PANEL} [aria-live]`).toHaveText("");
    expect.verifyErrors(["down"]);
});

test("Enter behind a name calls nobody before a person was chosen", async () => {
    await openDialler({ people: { an: [makePerson()] } });
    await type("an");
    await press("Enter");
    await advanceTime(300);
    await contains(ROW);
    await waitForSteps([]);
    expect(`${ROW}.o_active`).toHaveCount(0);
    await press("Enter");
    await animationFrame();
    expect(`${ROW}.o_active`).toHaveCount(1);
    await waitForSteps([]);
    await press("Enter");
    await waitForSteps(["call 030 1234567 res.partner 3"]);
});

test("an answer to what is no longer typed is dropped", async () => {
    const slow = new Deferred();
    onRpc("zadarma.dialler", "find_people", ({ args: [term] }) =>
        term === "an" ? slow : [makePerson({ name: "Ann Other" })],
    );
    await openDialler();
    await type("an");
    await advanceTime(300);
    await type("n");
    await advanceTime(300);
    await waitForText(ROW, "Ann Other");
    slow.resolve([makePerson()]);
    await animationFrame();
    await waitForText(ROW, "Ann Other");
    expect(ROW).toHaveCount(1);
});

test("rows of what was typed before cannot be chosen", async () => {
    await openDialler({ people: { an: [makePerson()] } });
    await type("an");
    await advanceTime(300);
    await contains(ROW);
    await press("ArrowDown");
    await press("n");
    await press("ArrowDown");
    await press("Enter");
    await animationFrame();
    expect(`${ROW}.o_active`).toHaveCount(0);
    await waitForSteps([]);
});

test("recent calls tell what became of them, and are called again", async () => {
    await openDialler({
        recent: [
            makeRecent(),
            makeRecent({
                call: 8,
                model: false,
                id: false,
                name: "",
                direction: "outbound",
                missed: false,
                result: "Answered",
                duration: 65,
            }),
            makeRecent({
                call: 7,
                name: "",
                model: false,
                number: "",
                number_display: "Withheld number",
            }),
        ],
    });
    await contains(ROW, { count: 3 });
    await waitForText(`${ROW}:eq(0)`, "Anna Berg+49 30 1234567 · Missed");
    await waitForText(`${ROW}:eq(1)`, "+49 30 1234567Answered · 1:05");
    expect(`${ROW}:eq(1) i[aria-label='Outbound call']`).toHaveCount(1);
    await click(`${ROW}:eq(2)`);
    await waitForSteps([]);
    await click(`${ROW}:eq(1)`);
    await waitForSteps(["call +49301234567"]);
});

test("two presses are one call, and a refused one leaves the number to be mended", async () => {
    expect.errors(1);
    await openDialler();
    const calling = new Deferred();
    patchWithCleanup(getService("zadarma_call"), {
        call: ({ number }) => {
            asyncStep(`call ${number}`);
            return calling;
        },
    });
    await type("123");
    await keyDown("Enter");
    await press("Enter");
    await click(".o_zadarma_dialler_line");
    await waitForSteps(["call 123"]);
    calling.reject(new Error("no such number"));
    await animationFrame();
    await contains(PANEL);
    expect(value()).toBe("123");
    expect.verifyErrors(["no such number"]);
});

test("missed calls are opened from the dialler", async () => {
    mockService("action", { doAction: ({ name }) => asyncStep(name) });
    await openDialler({ missed: 2 });
    await waitForText(".o_zadarma_dialler_missed", "Missed calls2");
    await click(".o_zadarma_dialler_missed");
    await waitForSteps(["missed calls"]);
    await contains(PANEL, { count: 0 });
});

test("who cannot call from here has the missed calls and no dialler", async () => {
    mockService("action", { doAction: ({ name }) => asyncStep(name) });
    await startWithExtension({ popupState: { can_dial: false } });
    await click(TOGGLER);
    await waitForSteps(["missed calls"]);
    await press("alt+shift+d");
    await animationFrame();
    expect(PANEL).toHaveCount(0);
});

test("names are only text", async () => {
    const attack = `<img src=x onerror="throw new Error('markup')"> %s {{7*7}}`;
    await openDialler({ people: { an: [makePerson({ name: attack, detail: attack })] } });
    await type("an");
    await advanceTime(300);
    await waitForText(ROW, attack);
    expect(`${PANEL} img`).toHaveCount(0);
});
