import { click, contains } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { advanceTime, queryAllTexts, queryFirst } from "@odoo/hoot-dom";
import {
    asyncStep,
    getService,
    onRpc,
    patchWithCleanup,
    waitForSteps,
} from "@web/../tests/web_test_helpers";
import { CallOverview } from "@zadarma/call_overview/call_overview";
import {
    defineZadarmaModels,
    startWithExtension,
    waitForText,
} from "@zadarma/../tests/zadarma_test_helpers";

describe.current.tags("desktop");
defineZadarmaModels();

const FIGURES = {
    inbound: 40,
    answered: 30,
    missed: 10,
    missed_rate: 25,
    waiting: 12.4,
    average_duration: 95,
    outbound: 7,
    reached: 5,
    talking: 3723,
};
const NOTHING = {
    ...Object.fromEntries(Object.keys(FIGURES).map((name) => [name, 0])),
    missed_rate: null,
    waiting: null,
    average_duration: null,
};

function makeAgent(values) {
    return {
        id: 1,
        extension: "101",
        user: { id: 2, name: "Ada" },
        company: "Muster GmbH",
        state: "free",
        call: false,
        ...values,
    };
}

async function openOverview({ overview = {}, board = {} } = {}) {
    const answers = {
        overview: {
            now: FIGURES,
            before: { ...FIGURES, missed: 4, answered: 30 },
            heat: [],
            ...overview,
        },
        board: { agents: [makeAgent()], waiting: [], waiting_count: 0, ...board },
    };
    onRpc("zadarma.call", "get_overview", ({ args }) => {
        asyncStep(`overview ${args[0]}`);
        return answers.overview;
    });
    onRpc("zadarma.call", "get_board", () => {
        answers.boardReads = (answers.boardReads ?? 0) + 1;
        return answers.board;
    });
    const started = await startWithExtension();
    await getService("action").doAction({
        type: "ir.actions.client",
        tag: "zadarma_call_overview",
    });
    await contains(".o_zadarma_overview");
    await waitForSteps(["overview today"]);
    return { ...started, answers };
}

test("figures stand beside those of the period before", async () => {
    await openOverview();
    await waitForText("[data-figure=inbound] .h3", "40");
    await waitForText("[data-figure=missed] .h3", "10");
    await waitForText("[data-figure=missed_rate] .h3", "25.0 %");
    await waitForText("[data-figure=waiting] .h3", "0:12");
    await waitForText("[data-figure=talking] .h3", "1:02:03");
    expect("[data-figure=missed] .text-danger i[aria-label='more than before']").toHaveCount(1);
    expect("[data-figure=answered] i[aria-label='as before']").toHaveCount(1);
    await click("button[data-period=week]");
    await waitForSteps(["overview week"]);
});

test("without calls there is nothing to average", async () => {
    await openOverview({ overview: { now: NOTHING, before: NOTHING } });
    await waitForText("[data-figure=missed_rate] .h3", "–");
    await waitForText(".o_zadarma_overview", "No inbound calls in the last 30 days.");
});

test("the heat map tells each hour in words", async () => {
    await openOverview({ overview: { heat: [["1", "09", 12, 3]] } });
    const cell = queryFirst("td[aria-label='Monday, 09:00. Calls: 12, missed: 3']");
    expect(cell).toHaveText("12");
    expect("td[aria-label='Sunday, 17:00. Calls: 0, missed: 0']").toHaveText("");
});

test("the heat map has the hours of a working day, and those around it with calls", async () => {
    await openOverview({ overview: { heat: [["1", "19", 1, 0]] } });
    const hours = queryAllTexts(".o_zadarma_heat th[scope=col]");
    expect([hours.length, hours[0], hours.at(-1)]).toEqual([12, "08", "19"]);
});

test("the board tells who talks to whom, and follows the bus", async () => {
    const call = {
        id: 7,
        direction: "inbound",
        title: "Erika Muster",
        number: "",
        own_number: "",
        seconds: 41,
    };
    const { answers, pyEnv } = await openOverview({
        board: {
            agents: [
                makeAgent({ state: "talking", call }),
                makeAgent({ id: 2, extension: "102", user: false }),
            ],
            waiting: [{ ...call, id: 8, title: "+49 170 1234567" }],
            waiting_count: 1,
        },
    });
    await waitForText("[data-extension='101'] .badge", "Talking");
    await waitForText("[data-extension='101']", "Erika Muster0:41");
    await waitForText("[data-extension='102']", "Nobody's phone");
    await waitForText(".o_zadarma_waiting", "One caller waits");
    await advanceTime(2000);
    await waitForText("[data-extension='101']", "0:43");
    answers.board = { agents: [makeAgent()], waiting: [], waiting_count: 0 };
    pyEnv["bus.bus"]._sendone("zadarma_board", "zadarma.board", {});
    await waitForText("[data-extension='101'] .badge", "Free");
    expect(queryAllTexts(".o_zadarma_agent .badge")).toEqual(["Free"]);
    await contains(".o_zadarma_waiting", { count: 0 });
});

test("for a burst of messages the board is read once", async () => {
    let overview;
    patchWithCleanup(CallOverview.prototype, {
        setup() {
            super.setup();
            overview = this;
        },
    });
    const { answers } = await openOverview();
    answers.boardReads = 0;
    // By hand: of messages that the bus brings on a busy machine, nobody knows how close they come.
    overview.onBoardChange();
    overview.onBoardChange();
    await advanceTime(1000);
    expect(answers.boardReads).toBe(1);
});
