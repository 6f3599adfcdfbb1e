import { reactive } from "@odoo/owl";

import { loadJS } from "@web/core/assets";
import { browser } from "@web/core/browser/browser";
import { localization } from "@web/core/l10n/localization";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { effect } from "@web/core/utils/reactive";

/** Held by the tab that has the phone, for as long as it is open. */
const LOCK = "zadarma.webphone";
/** Languages of the widget, by those of Odoo where they differ. */
const LANGUAGES = { de: "de", en: "en", es: "es", fr: "fr", pl: "pl", ru: "ru", uk: "ua" };
/** Beside the bubbles of Discuss, which have the corner. */
const OFFSET = { bottom: "5px", end: "86px" };
/** How long the widget may take to say that it cannot log in, in milliseconds. */
const LOGIN_PERIOD = 30_000;
/** How often this tab failed to log in, counted over its reloads: with an old key, with each login. */
const TRIES = "zadarma.webphone_tries";
const MAX_TRIES = 3;
const WRONG_LOGIN = /sip not found/i;
const WRONG_SITE = /integration\s?disabled/i;

/**
 * The phone in the browser: Zadarma's widget, for users who want it.
 *
 * The widget can neither be taken away nor started twice in a page. It is therefore started in one
 * tab of the browser, which keeps it; when that tab is closed the next one takes over.
 */
export class WebphoneService {
    /**
     * `off`; `elsewhere`: another tab has it; `loading`; `ready`; `failed`, and why in `problem`.
     */
    state = reactive({ status: "off", problem: "" });

    constructor(env, { notification, orm, zadarma_call: callService }) {
        Object.assign(this, { notification, orm, callService });
        effect(
            ({ webphone }) => {
                if (webphone && this.state.status === "off") {
                    this.start();
                }
            },
            [callService.state],
        );
        browser.addEventListener("beforeunload", (ev) => this.onBeforeUnload(ev));
    }

    start() {
        // Locks are for secure pages only, as the microphone is.
        if (!browser.navigator.locks) {
            this.fail(
                _t(
                    "The phone in the browser needs the microphone, which browsers give to secure pages only. Open Odoo by its https address.",
                ),
            );
            return;
        }
        this.state.status = "elsewhere";
        browser.navigator.locks.request(LOCK, async () => {
            await this.load();
            return new Promise(() => {});
        });
    }

    /** Start the widget: once a page, its two scripts one after the other. */
    async load() {
        this.state.status = "loading";
        try {
            const { key, login, scripts } = await this.askLogin();
            this.login = login;
            for (const script of scripts) {
                await this.loadScript(script);
            }
            this.startWidget(key, login);
        } catch (error) {
            this.fail(error.message);
            return;
        }
        if (this.state.status === "loading") {
            this.state.status = "ready";
            document.body.classList.add("o_zadarma_webphone");
            this.checkMicrophone();
        }
    }

    /** @throws {Error} with what to do */
    async askLogin(failedLogin = false) {
        try {
            return await this.orm.silent.call("zadarma.webphone", "get_login", [failedLogin]);
        } catch (error) {
            throw new Error(
                error.data?.message ||
                    _t("The phone in the browser cannot be started. Reload the page to try again."),
            );
        }
    }

    /** @throws {Error} with what to do */
    async loadScript(script) {
        try {
            await loadJS(script);
        } catch {
            throw new Error(
                _t(
                    "The phone in the browser was not loaded from %(host)s. Your network, an extension of the browser or the site's Content-Security-Policy may block it.",
                    { host: new URL(script).host },
                ),
            );
        }
    }

    /** @throws {Error} with what to do */
    startWidget(key, login) {
        if (typeof window.zadarmaWidgetFn !== "function") {
            throw new Error(
                _t(
                    "What was loaded is not Zadarma's phone. Ask an administrator to correct the addresses of its scripts in Settings, Zadarma.",
                ),
            );
        }
        const language = LANGUAGES[user.lang?.slice(0, 2)] ?? "en";
        const side = localization.direction === "rtl" ? "left" : "right";
        const place = { bottom: OFFSET.bottom, [side]: OFFSET.end };
        const before = new Set(document.body.children);
        try {
            window.zadarmaWidgetFn(key, login, "rounded", language, true, place);
        } catch (error) {
            this.onWidgetText(error.message);
            if (this.state.status !== "failed") {
                throw new Error(
                    _t("The phone in the browser did not start: %(reason)s", {
                        reason: error.message,
                    }),
                );
            }
        }
        this.watchWidget(before);
    }

    /** Look for the errors that the widget writes into its own elements: it tells them nowhere else. */
    watchWidget(before) {
        const observer = new MutationObserver(() => {
            for (const element of document.body.children) {
                if (!before.has(element) && !element.matches(".o-overlay-container, script")) {
                    this.onWidgetText(element.textContent);
                }
            }
        });
        observer.observe(document.body, { characterData: true, childList: true, subtree: true });
        browser.setTimeout(() => {
            observer.disconnect();
            if (this.state.status === "ready") {
                browser.sessionStorage.removeItem(TRIES);
            }
        }, LOGIN_PERIOD);
    }

    /** Explain what the widget says, if it is one of its known errors. */
    onWidgetText(text) {
        if (this.state.status === "failed") {
            return;
        }
        if (WRONG_SITE.test(text)) {
            this.fail(
                _t(
                    "Zadarma does not let its phone run on %(site)s. Ask an administrator to press Register this site in Settings, Zadarma.",
                    { site: browser.location.hostname },
                ),
            );
        } else if (WRONG_LOGIN.test(text)) {
            this.tryAnotherLogin();
        }
    }

    /** Have the server take a new key or the other login; the widget starts but once a page. */
    async tryAnotherLogin() {
        const failed = this.login;
        const tries = Number(browser.sessionStorage.getItem(TRIES)) + 1;
        browser.sessionStorage.setItem(TRIES, tries);
        this.setFailed(_t("Zadarma does not know the phone %(login)s.", { login: failed }));
        const { login } = await this.askLogin(failed).catch(() => ({}));
        if (!login || tries > MAX_TRIES) {
            this.fail(
                _t(
                    "Zadarma does not know the phone %(login)s. Ask an administrator to check the extension and to press Connect in Settings, Zadarma.",
                    { login: failed },
                ),
            );
            return;
        }
        this.notify(
            _t(
                "Zadarma does not know the phone %(failed)s. After a reload of the page it is tried as %(login)s, with a good key.",
                { failed, login },
            ),
            [{ name: _t("Reload"), primary: true, onClick: () => browser.location.reload() }],
        );
    }

    async checkMicrophone() {
        try {
            const permission = await browser.navigator.permissions.query({ name: "microphone" });
            if (permission.state !== "denied") {
                return;
            }
        } catch {
            // This browser does not tell: it asks when the first call comes.
            return;
        }
        this.fail(
            _t(
                "The phone in the browser may not use the microphone. Allow it for this page in the browser's address bar, then reload the page. If it stays so, the site's Permissions-Policy forbids it.",
            ),
        );
    }

    setFailed(problem) {
        Object.assign(this.state, { status: "failed", problem });
    }

    fail(problem) {
        this.setFailed(problem);
        this.notify(problem);
    }

    notify(message, buttons = []) {
        const title = _t("Phone in the browser");
        this.notification.add(message, { buttons, sticky: true, title, type: "warning" });
    }

    /** A reload would end the conversation: have the browser ask. */
    onBeforeUnload(ev) {
        const isTalking = [...this.callService.calls.values()].some(
            ({ state }) => state === "talking",
        );
        if (this.state.status === "ready" && isTalking) {
            ev.preventDefault();
        }
    }
}

export const webphoneService = {
    dependencies: ["notification", "orm", "zadarma_call"],
    start(env, services) {
        return new WebphoneService(env, services);
    },
};

registry.category("services").add("zadarma_webphone", webphoneService);
