import { formatDuration } from "@zadarma/duration_field/duration_field";
import { useKeptFocus } from "@zadarma/kept_focus/kept_focus";
import { RecordingButton } from "@zadarma/recording_button/recording_button";

import {
    Component,
    onMounted,
    onWillUnmount,
    onWillUpdateProps,
    useRef,
    useState,
} from "@odoo/owl";

import { browser } from "@web/core/browser/browser";
import { deserializeDateTime, toLocaleDateTimeString } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

/** Short of a second, so that none is skipped. */
const TICK_PERIOD = 200;
/** Seconds after which one's own phone should ring. */
const DOUBT_AFTER = 6;

const join = (...texts) => texts.filter(Boolean).join(" · ");

/** One call: who it is, what is known about them, and what can be done. */
export class CallCard extends Component {
    static template = "zadarma.CallCard";
    static components = { RecordingButton };
    static props = { call: Object, onHide: Function };

    setup() {
        this.callService = useService("zadarma_call");
        this.state = useState({ elapsed: 0, isBusy: false, phone: "" });
        const root = useRef("root");
        useKeptFocus(root, () => root.el.focus());
        this.tick(this.call);
        onWillUpdateProps(({ call }) => this.tick(call));
        onMounted(() => {
            this.interval = browser.setInterval(() => this.tick(this.call), TICK_PERIOD);
        });
        onWillUnmount(() => browser.clearInterval(this.interval));
    }

    get call() {
        return this.props.call;
    }

    get isRinging() {
        return this.call.state === "ringing";
    }

    /** Count whole seconds: what does not change is not rendered again. */
    tick({ since }) {
        this.state.elapsed = Math.floor((Date.now() - since) / 1000);
    }

    get status() {
        const { by, direction, state } = this.call;
        if (state === "talking") {
            return _t("Talking");
        }
        if (state === "ringing") {
            return direction === "outbound" ? this.outboundStatus : _t("Incoming call");
        }
        if (this.call.why) {
            return this.call.outcome === "answered" ? _t("Call ended") : _t("Nobody reached");
        }
        return by ? _t("Answered by %(name)s", { name: by }) : _t("Answered by a colleague");
    }

    get outboundStatus() {
        const { stage } = this.call;
        if (stage === "own") {
            return _t("Your phone rings");
        }
        return stage === "other" ? _t("Ringing") : _t("Calling …");
    }

    /** @returns {string} what to do now, or why nobody was reached, of a call that one makes */
    get hint() {
        const { is_request, outcome, stage, state, why } = this.call;
        if (state === "ended" && outcome !== "answered") {
            return why || "";
        }
        if (!is_request || state !== "ringing" || stage === "other") {
            return "";
        }
        return stage === "own"
            ? _t("Pick up your phone. Then %(who)s is called.", { who: this.title })
            : _t("If your phone rings, pick it up.");
    }

    /** @returns {boolean} whether the own phone should have rung by now */
    get isDoubtful() {
        return (
            this.isRinging &&
            Boolean(this.hint) &&
            this.state.elapsed >= DOUBT_AFTER &&
            !this.state.phone
        );
    }

    async checkPhone() {
        await this.whileBusy(async () => {
            this.state.phone = await this.callService.checkPhone();
        });
    }

    /** @returns {string} how long the talk was that just ended */
    get talked() {
        return this.call.duration ? formatDuration(this.call.duration) : "";
    }

    get icon() {
        if (this.call.state === "ended") {
            return "fa-phone-square";
        }
        return this.call.direction === "outbound" ? "fa-arrow-up" : "fa-phone";
    }

    /** @returns {string} how long it has been ringing or talking */
    get timer() {
        return formatDuration(this.state.elapsed);
    }

    get number() {
        return this.call.withheld ? _t("Withheld number") : this.call.number_display;
    }

    get title() {
        const { lead, partner } = this.call;
        return partner?.name || lead?.name || this.number || _t("Unknown number");
    }

    get isNumberTitle() {
        return !this.call.partner?.name && !this.call.lead?.name;
    }

    /** @returns {boolean} whether people have to say which of several contacts it is */
    get isAmbiguous() {
        return !this.call.partner && this.call.matches.length > 0;
    }

    get moreMatches() {
        const count = this.call.matches_count - this.call.matches.length;
        return count > 0 && _t("and %(count)s more", { count });
    }

    get isUnknown() {
        return this.call.can_create && this.isNumberTitle && !this.isAmbiguous;
    }

    get ownNumber() {
        const { name, number } = this.call.own_number;
        return [name, number].filter(Boolean);
    }

    get lastCall() {
        const { date, label, user } = this.call.last_call;
        return join(toLocaleDateTimeString(deserializeDateTime(date)), label, user);
    }

    describeDeal({ amount, stage }) {
        return join(stage, amount);
    }

    onKeydown(ev) {
        if (ev.key === "Escape") {
            ev.stopPropagation();
            this.props.onHide();
        }
    }

    openRecord() {
        return this.whileBusy(() => this.callService.open("action_open_record", [this.call.id]));
    }

    createPartner() {
        return this.whileBusy(() => this.callService.open("action_create_partner", [this.call.id]));
    }

    createLead() {
        return this.whileBusy(() => this.callService.open("action_create_lead", [this.call.id]));
    }

    block() {
        return this.whileBusy(() => this.callService.open("action_block", [this.call.id]));
    }

    choosePartner(partnerId) {
        return this.whileBusy(() => this.callService.choosePartner(this.call.id, partnerId));
    }

    /** A second click before the server answered must not create a second record. */
    async whileBusy(task) {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            await task();
        } finally {
            this.state.isBusy = false;
        }
    }
}
