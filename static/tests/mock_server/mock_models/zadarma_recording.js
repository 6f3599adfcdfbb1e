import { models } from "@web/../tests/web_test_helpers";

export class ZadarmaRecording extends models.Model {
    _name = "zadarma.recording";

    /** What `get_player_values` answers, by id. */
    playerValues = {};
    /** What `get_transcript` answers. */
    transcript = [];

    get_player_values(ids) {
        return ids.map((id) => this.playerValues[id]).filter(Boolean);
    }

    get_transcript() {
        return this.transcript;
    }

    action_try_again() {
        return true;
    }

    action_transcribe() {
        return true;
    }
}
