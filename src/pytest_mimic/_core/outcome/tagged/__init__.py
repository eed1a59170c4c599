"""Values as readable JSON with tags, and back: `{"$date": "2026-11-02"}`."""
