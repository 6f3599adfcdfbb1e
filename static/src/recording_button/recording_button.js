import { RecordingPlayer } from "@zadarma/recording_player/recording_player";

import { Component, useRef, useState } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { usePopover } from "@web/core/popover/popover_hook";

/** The players of a call's recordings, one below the other. */
export class RecordingPlayers extends Component {
    static template = "zadarma.RecordingPlayers";
    static components = { RecordingPlayer };
    static props = {
        recordings: Array,
        autoplay: { type: Boolean, optional: true },
        /** Given by a popover. */
        close: { type: Function, optional: true },
    };

    getLabel(index) {
        const { length } = this.props.recordings;
        return length > 1
            ? _t("Recording %(number)s of %(count)s", { number: index + 1, count: length })
            : _t("Recording");
    }
}

/** Where there is little room: a button that opens the players of a call, and plays the only one. */
export class RecordingButton extends Component {
    static template = "zadarma.RecordingButton";
    static components = { RecordingPlayers };
    static props = {
        recordings: { type: [Array, Boolean], optional: true },
        /** Open them below the button, where a popover would be hidden. */
        isInline: { type: Boolean, optional: true },
    };

    setup() {
        this.shown = useState({ isOpen: false });
        this.button = useRef("button");
        this.popover = usePopover(RecordingPlayers, {
            popoverClass: "o_zadarma_players_popover p-2",
            role: "dialog",
        });
    }

    get recordings() {
        return this.props.recordings || [];
    }

    get state() {
        const states = this.recordings.map(({ state }) => state);
        return ["stored", "remote", "waiting", "failed"].find((state) => states.includes(state));
    }

    get icon() {
        return (
            { waiting: "fa-hourglass-half", failed: "fa-exclamation-triangle" }[this.state] ||
            "fa-play"
        );
    }

    get label() {
        return (
            {
                waiting: _t("The recording is being fetched"),
                failed: _t("The recording could not be fetched"),
            }[this.state] || _t("Play the recording")
        );
    }

    get autoplay() {
        return this.recordings.length === 1;
    }

    open() {
        if (this.props.isInline) {
            this.shown.isOpen = !this.shown.isOpen;
        } else {
            const { autoplay, recordings } = this;
            this.popover.open(this.button.el, { autoplay, recordings });
        }
    }

    /** A list would open the record of the row instead. */
    onKeydown(ev) {
        if (["Enter", " "].includes(ev.key)) {
            ev.stopPropagation();
        }
    }
}
