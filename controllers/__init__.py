from . import number_data, recording, webhook
