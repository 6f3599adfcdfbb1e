import { formatDuration } from "@zadarma/duration_field/duration_field";
import { usePatience } from "@zadarma/player_service/patience_hook";

import { Component, onWillStart, onWillUpdateProps, useState } from "@odoo/owl";

import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

/** What was said in a recording, line by line; a line plays the recording from there. */
export class Transcript extends Component {
    static template = "zadarma.Transcript";
    static props = {
        recording: Object,
        elapsed: Number,
        onSeek: Function,
        /** Read anew what is known of the recording. */
        refresh: Function,
    };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ lines: [], isBusy: false });
        usePatience(
            () => this.isUnderway,
            () => this.props.refresh(),
        );
        onWillStart(() => this.load(this.props.recording));
        onWillUpdateProps(({ recording }) => {
            if (recording.transcript !== this.props.recording.transcript) {
                return this.load(recording);
            }
        });
    }

    async load({ id, transcript }) {
        if (transcript === "ready") {
            this.state.lines = await this.orm.call("zadarma.recording", "get_transcript", [[id]]);
        }
    }

    get isUnderway() {
        return ["asked", "running"].includes(this.props.recording.transcript);
    }

    /** @returns {number} the index of the line that is heard now, -1 for none */
    get current() {
        return this.state.lines.findLastIndex(
            ({ start }) => start !== null && start <= this.props.elapsed,
        );
    }

    get askLabel() {
        return this.props.recording.transcript ? _t("Try again") : _t("Ask for a transcript");
    }

    get failedText() {
        return this.props.recording.transcript_error || _t("There is no transcript.");
    }

    getTime({ start }) {
        return start === null ? "" : formatDuration(start);
    }

    getSpeaker({ speaker }) {
        return speaker ? _t("Speaker %(number)s", { number: speaker }) : "";
    }

    async ask() {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        try {
            await this.orm.call("zadarma.recording", "action_transcribe", [
                [this.props.recording.id],
            ]);
            await this.props.refresh();
        } finally {
            this.state.isBusy = false;
        }
    }
}
