import { contains } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { advanceTime, queryAllTexts } from "@odoo/hoot-dom";
import {
    asyncStep,
    getService,
    makeServerError,
    onRpc,
    serverState,
} from "@web/../tests/web_test_helpers";
import {
    defineZadarmaModels,
    startWithExtension,
    waitForText,
} from "@zadarma/../tests/zadarma_test_helpers";

describe.current.tags("desktop");
defineZadarmaModels();

const LINE = ".o_zadarma_health .list-group-item";
const BUS = `${LINE}[data-code="bus"]`;

const makeLine = (values) => ({ state: "ok", text: "", advice: false, action: false, ...values });

/** Open the page; `answersPing` tells whether the bus brings back what is sent. */
async function openHealth({ lines = [], isAdministrator = true, answersPing = true }) {
    const { pyEnv } = await startWithExtension();
    onRpc("zadarma.health", "get_health", () => ({
        company: "My Company",
        is_administrator: isAdministrator,
        lines,
    }));
    onRpc("zadarma.health", "ping", ({ args: [token] }) => {
        if (answersPing) {
            const [partner] = pyEnv["res.partner"].read(serverState.partnerId);
            pyEnv["bus.bus"]._sendone(partner, "zadarma.health/ping", { token });
        }
        return true;
    });
    await getService("action").doAction({ type: "ir.actions.client", tag: "zadarma.health" });
    await contains(".o_zadarma_health");
}

test("the worst comes first, with what to do, and the bus is measured", async () => {
    await openHealth({
        lines: [
            makeLine({ code: "balance", title: "Balance", state: "failed", advice: "Top up" }),
            makeLine({ code: "users", title: "Users", state: "warning" }),
            makeLine({ code: "account", title: "Account" }),
        ],
    });
    await waitForText(BUS, "A message took");
    expect(queryAllTexts(`${LINE} .fw-bold`).slice(0, 2)).toEqual(["Balance", "Users"]);
    expect(`${LINE}[data-code="balance"]`).toHaveText(/Top up/);
    expect(".o_zadarma_health h2").toHaveText(/Something is wrong/);
});

test("a bus that brings nothing is wrong, and says what to do", async () => {
    await openHealth({ answersPing: false });
    await advanceTime(5100);
    await waitForText(BUS, "did not arrive");
    expect(BUS).toHaveAttribute("data-state", "failed");
    expect(BUS).toHaveText(/gevent_port/);
});

test("supervisors are not led to what they may not see", async () => {
    const lines = [makeLine({ code: "failed", title: "Failed", state: "failed", action: "x.y" })];
    await openHealth({ lines, isAdministrator: false });
    await waitForText(`${LINE}[data-code="failed"]`, "Failed");
    expect(`${LINE} button`).toHaveCount(0);
});

test("the page looks again by itself", async () => {
    await openHealth({ lines: [makeLine({ code: "account", title: "Account" })] });
    await waitForText(BUS, "A message took");
    onRpc("zadarma.health", "get_health", () => ({
        company: "",
        is_administrator: true,
        lines: [makeLine({ code: "account", title: "Account", state: "failed" })],
    }));
    await advanceTime(30_000);
    await waitForText(".o_zadarma_health h2", "Something is wrong");
});

test("who may not look is told so once", async () => {
    await startWithExtension();
    onRpc("zadarma.health", "get_health", () => {
        throw makeServerError({ message: "For supervisors" });
    });
    onRpc("zadarma.health", "ping", () => asyncStep("ping"));
    const action = { type: "ir.actions.client", tag: "zadarma.health" };
    await expect(getService("action").doAction(action)).rejects.toThrow("For supervisors");
    await advanceTime(100);
    expect.verifySteps([]);
});
