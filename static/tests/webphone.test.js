import { click, contains } from "@mail/../tests/mail_test_helpers";
import { afterEach, beforeEach, describe, expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame, waitUntil } from "@odoo/hoot-dom";
import { Deferred } from "@odoo/hoot-mock";
import {
    getService,
    makeServerError,
    onRpc,
    patchWithCleanup,
} from "@web/../tests/web_test_helpers";
import {
    defineZadarmaModels,
    makeCall,
    startWithExtension,
    waitForText,
} from "@zadarma/../tests/zadarma_test_helpers";

import { assets } from "@web/core/assets";
import { browser } from "@web/core/browser/browser";

describe.current.tags("desktop");
defineZadarmaModels();

const LIB = "https://my.zadarma.com/lib.js";
const FN = "https://my.zadarma.com/fn.js";
const LOGIN = { key: "the key", login: "1234-101", scripts: [LIB, FN] };
const PROBLEM = ".o_notification:contains(Phone in the browser)";

/** One lock for all tabs of the browser, and what the widget is started with. */
let lock, microphone, widget;
/** What was done, in order. */
let done;

beforeEach(() => {
    lock = new Deferred();
    lock.resolve();
    microphone = "granted";
    done = [];
    widget = (key, login) => done.push(`widget ${key} ${login}`);
    setLocks({ request: async (_name, callback) => lock.then(callback) });
    patchWithCleanup(browser.navigator.permissions, {
        async query({ name }) {
            return name === "microphone" ? { state: microphone } : super.query(...arguments);
        },
    });
    patchWithCleanup(assets, {
        async loadJS(url) {
            if (![LIB, FN].includes(url)) {
                return super.loadJS(...arguments);
            }
            done.push(url.split("/").pop());
            if (url === FN) {
                window.zadarmaWidgetFn = widget;
            }
        },
    });
    browser.sessionStorage.clear();
});

afterEach(() => {
    delete window.zadarmaWidgetFn;
    document.body.classList.remove("o_zadarma_webphone");
});

/** Browsers have locks in secure pages only. */
function setLocks(locks) {
    const { navigator } = browser;
    patchWithCleanup(browser, {
        navigator: new Proxy(navigator, {
            get: (target, name) => (name === "locks" ? locks : Reflect.get(target, name)),
        }),
    });
}

function startWithPhone(popupState = {}) {
    return startWithExtension({ popupState: { can_dial: true, webphone: true, ...popupState } });
}

function waitUntilReady() {
    return waitUntil(() => getService("zadarma_webphone").state.status === "ready", {
        timeout: 3000,
    });
}

/** Have the widget write into an element of its own, as it does. */
function say(text) {
    const element = document.createElement("div");
    element.className = "stand_in";
    element.textContent = text;
    document.body.append(element);
    return () => element.remove();
}

test("the two scripts are loaded one after the other, once, and the widget is started", async () => {
    onRpc("zadarma.webphone", "get_login", () => LOGIN);
    await startWithPhone();
    await waitUntilReady();
    await getService("zadarma_call").read();
    await advanceTime(1000);
    expect(done).toEqual(["lib.js", "fn.js", "widget the key 1234-101"]);
    await click(".o_zadarma_dialler");
    await waitForText(".o_zadarma_dialler_webphone", "in this tab");
});

test("who does not want it loads nothing", async () => {
    onRpc("zadarma.webphone", "get_login", () => done.push("login"));
    await startWithPhone({ webphone: false });
    await advanceTime(1000);
    expect(done).toEqual([]);
    expect(getService("zadarma_webphone").state.status).toBe("off");
});

test("another tab that has the phone keeps it until it is closed", async () => {
    lock = new Deferred();
    onRpc("zadarma.webphone", "get_login", () => LOGIN);
    await startWithPhone();
    await advanceTime(1000);
    expect(done).toEqual([]);
    await click(".o_zadarma_dialler");
    await waitForText(".o_zadarma_dialler_webphone", "in another tab");
    lock.resolve();
    await waitUntilReady();
    expect(done).toEqual(["lib.js", "fn.js", "widget the key 1234-101"]);
});

test("a page that is not secure has no phone, and says why", async () => {
    setLocks(undefined);
    await startWithPhone();
    await waitForText(PROBLEM, "https address");
    expect(done).toEqual([]);
});

test("what the server says against it is shown", async () => {
    onRpc("zadarma.webphone", "get_login", () => {
        throw makeServerError({ message: "gets no key for extension 101" });
    });
    await startWithPhone();
    await waitForText(PROBLEM, "gets no key for extension 101");
    expect(done).toEqual([]);
});

test("a script that is blocked is named", async () => {
    onRpc("zadarma.webphone", "get_login", () => LOGIN);
    patchWithCleanup(assets, {
        async loadJS(url) {
            if (url !== LIB) {
                return super.loadJS(...arguments);
            }
            done.push("blocked");
            throw new Error("blocked");
        },
    });
    await startWithPhone();
    await waitForText(PROBLEM, "not loaded from my.zadarma.com");
    expect(done).toEqual(["blocked"]);
});

test("a script that is not the phone's is told", async () => {
    widget = undefined;
    onRpc("zadarma.webphone", "get_login", () => LOGIN);
    await startWithPhone();
    await waitForText(PROBLEM, "not Zadarma's phone");
    expect(done).toEqual(["lib.js", "fn.js"]);
});

test("a site that is not registered is explained, also where the widget throws it", async () => {
    widget = () => {
        throw new Error("integrationDisabled");
    };
    onRpc("zadarma.webphone", "get_login", () => LOGIN);
    await startWithPhone();
    await waitForText(PROBLEM, "press Register this site");
    await contains(PROBLEM);
});

test("a login that is not known is tried in the other form after a reload", async () => {
    let cleanUp;
    widget = () => (cleanUp = say("Sip not found"));
    onRpc("zadarma.webphone", "get_login", ({ args: [failed] }) =>
        failed ? { ...LOGIN, login: "101" } : LOGIN,
    );
    patchWithCleanup(browser.location, { reload: () => done.push("reload") });
    await startWithPhone();
    await waitForText(PROBLEM, "After a reload of the page it is tried as 101");
    cleanUp();
    await click(".o_notification button:contains(Reload)");
    expect(done).toEqual(["lib.js", "fn.js", "reload"]);
});

test("a login that is known in neither form is for the administrator", async () => {
    browser.sessionStorage.setItem("zadarma.webphone_tries", "3");
    let cleanUp;
    widget = () => (cleanUp = say("Sip not found"));
    onRpc("zadarma.webphone", "get_login", ({ args: [failed] }) => ({
        ...LOGIN,
        login: failed ? "1234-101" : "101",
    }));
    await startWithPhone();
    await waitForText(PROBLEM, "does not know the phone 101. Ask an administrator");
    cleanUp();
});

test("words in Odoo's own pages are no errors of the widget", async () => {
    onRpc("zadarma.webphone", "get_login", () => LOGIN);
    await startWithPhone();
    await waitUntilReady();
    getService("notification").add("Sip not found, integrationDisabled");
    await contains(".o_notification:contains(integrationDisabled)");
    await animationFrame();
    expect(getService("zadarma_webphone").state.status).toBe("ready");
});

test("a microphone that is forbidden is told before the first call", async () => {
    microphone = "denied";
    onRpc("zadarma.webphone", "get_login", () => LOGIN);
    await startWithPhone();
    await waitForText(PROBLEM, "may not use the microphone");
});

test("a reload during a conversation is asked about", async () => {
    onRpc("zadarma.webphone", "get_login", () => LOGIN);
    const { notify } = await startWithPhone();
    await waitUntilReady();
    const leave = () => {
        const event = new Event("beforeunload", { cancelable: true });
        window.dispatchEvent(event);
        return event.defaultPrevented;
    };
    expect(leave()).toBe(false);
    notify(makeCall({ state: "talking", talking_seconds: 1 }));
    await contains(".o_zadarma_call_card");
    expect(leave()).toBe(true);
});
