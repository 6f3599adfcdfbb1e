import { formatDuration } from "@zadarma/duration_field/duration_field";

import { Component, onMounted, onWillStart, onWillUnmount, useState } from "@odoo/owl";

import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useBus, useService } from "@web/core/utils/hooks";
import { debounce } from "@web/core/utils/timing";
import { formatFloat } from "@web/views/fields/formatters";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

/** Notifications come in bursts, one for each phone that begins to ring. */
const BURST = 300;
const TICK_PERIOD = 1000;
/** The board is read again without being told to: every ten seconds while the bus is not connected. */
const POLL_PERIOD = 10_000;
const DOUBT_PERIOD = 60_000;
/** Figures follow the calls that end, not that closely. */
const FIGURES_PERIOD = 60_000;
const HOURS = [...Array(24).keys()].map((hour) => String(hour).padStart(2, "0"));

/** The supervisors' page: who talks to whom now, the figures of a period, and when it is busy. */
export class CallOverview extends Component {
    static template = "zadarma.CallOverview";
    static components = { Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.bus = useService("bus_service");
        this.state = useState({
            board: undefined,
            overview: undefined,
            now: Date.now(),
            period: "today",
        });
        this.readBoardSoon = debounce(() => this.readBoard(), BURST);
        this.onBoardChange = () => this.readBoardSoon();
        onWillStart(() => Promise.all([this.readBoard(), this.readOverview()]));
        onMounted(() => this.follow());
        onWillUnmount(() => this.unfollow());
        useBus(this.bus, "BUS:RECONNECT", () => this.readBoard());
    }

    follow() {
        this.bus.addChannel("zadarma_board");
        this.bus.subscribe("zadarma.board", this.onBoardChange);
        this.bus.start();
        this.intervals = [
            browser.setInterval(() => (this.state.now = Date.now()), TICK_PERIOD),
            browser.setInterval(() => this.readBoardIfDue(), POLL_PERIOD),
            browser.setInterval(() => this.readOverview(), FIGURES_PERIOD),
        ];
    }

    unfollow() {
        this.readBoardSoon.cancel();
        this.bus.unsubscribe("zadarma.board", this.onBoardChange);
        this.bus.deleteChannel("zadarma_board");
        this.intervals.forEach((interval) => browser.clearInterval(interval));
    }

    readBoardIfDue() {
        const age = Date.now() - this.boardAt;
        if (this.bus.workerState !== "CONNECTED" || age >= DOUBT_PERIOD) {
            this.readBoard();
        }
    }

    async readBoard() {
        this.state.board = await this.orm.silent.call("zadarma.call", "get_board", []);
        this.state.now = this.boardAt = Date.now();
    }

    async readOverview() {
        const { period } = this.state;
        const overview = await this.orm.silent.call("zadarma.call", "get_overview", [period]);
        if (period === this.state.period) {
            this.state.overview = overview;
        }
    }

    choosePeriod(period) {
        this.state.period = period;
        return this.readOverview();
    }

    get periods() {
        return [
            { id: "today", label: _t("Today"), before: _t("yesterday by this time") },
            { id: "week", label: _t("7 days"), before: _t("the 7 days before") },
            { id: "month", label: _t("30 days"), before: _t("the 30 days before") },
        ];
    }

    get comparedWith() {
        return this.periods.find(({ id }) => id === this.state.period).before;
    }

    // --- figures --- //

    get figures() {
        const count = (number) => formatFloat(number, { digits: [16, 0] });
        const rate = (number) =>
            _t("%(number)s %", { number: formatFloat(number, { digits: [16, 1] }) });
        const figures = [
            ["inbound", _t("Inbound calls"), count],
            ["answered", _t("Answered"), count, true],
            ["missed", _t("Missed"), count, false],
            ["missed_rate", _t("Missed rate"), rate, false],
            ["waiting", _t("Waiting time, average"), formatDuration, false],
            ["average_duration", _t("Talking time, average"), formatDuration],
            ["outbound", _t("Outbound calls"), count],
            ["reached", _t("Of these answered"), count, true],
            ["talking", _t("Talking time, all calls"), formatDuration],
        ];
        return figures.map(([name, label, format, moreIsGood]) => {
            const [now, before] = [this.state.overview.now[name], this.state.overview.before[name]];
            return {
                name,
                label,
                value: now === null ? "–" : format(now),
                before: before === null ? "–" : format(before),
                ...this.compare(now, before, moreIsGood),
            };
        });
    }

    /** @returns {{ icon: string, tone: string, change: string }} an arrow, and whether it is good news */
    compare(now, before, moreIsGood) {
        if (now === null || before === null || now === before) {
            return { icon: "fa-minus", tone: "text-muted", change: _t("as before") };
        }
        const isMore = now > before;
        const tones = { true: "text-success", false: "text-danger" };
        return {
            icon: isMore ? "fa-arrow-up" : "fa-arrow-down",
            tone: moreIsGood === undefined ? "text-muted" : tones[isMore === moreIsGood],
            change: isMore ? _t("more than before") : _t("less than before"),
        };
    }

    // --- heat map --- //

    get weekdays() {
        return [
            { id: "1", label: _t("Monday") },
            { id: "2", label: _t("Tuesday") },
            { id: "3", label: _t("Wednesday") },
            { id: "4", label: _t("Thursday") },
            { id: "5", label: _t("Friday") },
            { id: "6", label: _t("Saturday") },
            { id: "7", label: _t("Sunday") },
        ];
    }

    /** The hours of a working day, and those around it in which somebody called. */
    get hours() {
        const shown = ["08", "17", ...this.state.overview.heat.map(([, hour]) => hour)].sort();
        return HOURS.filter((hour) => hour >= shown[0] && hour <= shown.at(-1));
    }

    get heat() {
        const cells = {};
        let most = 0;
        for (const [weekday, hour, calls, missed] of this.state.overview.heat) {
            cells[`${weekday} ${hour}`] = { calls, missed };
            most = Math.max(most, calls);
        }
        return { cells, most };
    }

    describeCell(weekday, hour, cell) {
        return _t("%(weekday)s, %(hour)s:00. Calls: %(calls)s, missed: %(missed)s", {
            weekday: weekday.label,
            hour,
            calls: cell?.calls ?? 0,
            missed: cell?.missed ?? 0,
        });
    }

    // --- board --- //

    stateLabel(state) {
        return {
            dnd: _t("Do not disturb"),
            free: _t("Free"),
            ringing: _t("Ringing"),
            talking: _t("Talking"),
        }[state];
    }

    stateClass(state) {
        return {
            dnd: "text-bg-warning",
            free: "text-bg-light border",
            ringing: "text-bg-info",
            talking: "text-bg-success",
        }[state];
    }

    timer(call) {
        return formatDuration(call.seconds + (this.state.now - this.boardAt) / 1000);
    }

    openCall(id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "zadarma.call",
            res_id: id,
            views: [[false, "form"]],
        });
    }

    openMissed() {
        return this.action.doAction("zadarma.zadarma_missed_call_action");
    }
}

registry.category("actions").add("zadarma_call_overview", CallOverview);
