import { RecordingPlayers } from "@zadarma/recording_button/recording_button";

import { Message } from "@mail/core/common/message";

import { patch } from "@web/core/utils/patch";

// The recordings of a call come with its note, to readers who may hear them.
patch(Message, {
    components: { ...Message.components, ZadarmaRecordingPlayers: RecordingPlayers },
});
