//! Recordings: checked, not converted.

use std::collections::BTreeMap;

use super::conf::Id;
use super::{Problem, Subject};
use crate::media::inputs::Inputs;

/// `prompts/NAME.wav` of each recording that can be played.
pub(super) fn render(inputs: &Inputs, problems: &mut Vec<Problem>) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (name, from) in &inputs.tenant.prompts {
        let checked = Id::new("a prompt's name", name.as_str())
            .map_err(|error| error.to_string())
            .and_then(|id| match inputs.prompts.get(name) {
                Some(wav) => playable(wav).map(|()| (id, wav)),
                None => Err(format!(
                    "the ConfigMap {} has no key {}, or isn't there",
                    from.config_map, from.key
                )),
            });
        match checked {
            Ok((id, wav)) => {
                files.insert(format!("prompts/{id}.wav"), wav.to_vec());
            }
            Err(message) => problems.push(Problem {
                subject: Subject::Prompt(name.clone()),
                message,
            }),
        }
    }
    files
}

/// Asterisk's `.wav` is RIFF with 16-bit PCM, one channel, 8 kHz; it plays anything else as noise
/// or not at all.
fn playable(wav: &[u8]) -> Result<(), String> {
    let want = "want WAV, 8000 Hz, one channel, 16-bit PCM (ffmpeg -i IN -ar 8000 -ac 1 -c:a pcm_s16le OUT.wav)";
    if wav.len() < 12 || &wav[..4] != b"RIFF" || &wav[8..12] != b"WAVE" {
        return Err(format!("no WAV file: {want}"));
    }
    let mut rest = &wav[12..];
    while let Some((head, tail)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if &head[..4] == b"fmt " {
            let Some(format) = tail.get(..16) else { break };
            let word = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
            let rate = u32::from_le_bytes([format[4], format[5], format[6], format[7]]);
            let (encoding, channels, bits) = (word(0), word(2), word(14));
            if (encoding, channels, rate, bits) == (1, 1, 8000, 16) {
                return Ok(());
            }
            return Err(format!(
                "WAV with encoding {encoding}, {channels} channels, {rate} Hz, {bits} bits: {want}"
            ));
        }
        // chunks are padded to an even length
        rest = tail.get(size + size % 2..).unwrap_or_default();
    }
    Err(format!("WAV without a format: {want}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(channels: u16, rate: u32) -> Vec<u8> {
        let mut wav = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0".to_vec();
        wav.extend(channels.to_le_bytes());
        wav.extend(rate.to_le_bytes());
        wav.extend((rate * 2).to_le_bytes());
        wav.extend([2, 0, 16, 0]);
        wav
    }

    #[test]
    fn only_what_asterisk_can_play_is_taken() {
        assert_eq!(playable(&wav(1, 8000)), Ok(()));
        let refused = playable(&wav(2, 44100)).unwrap_err();
        assert!(refused.contains("2 channels, 44100 Hz"), "{refused}");
        assert!(refused.contains("ffmpeg"), "{refused}");
        assert!(playable(b"ID3").unwrap_err().starts_with("no WAV file"));
        for cut in 0..40 {
            assert!(playable(&wav(1, 8000)[..cut]).is_err());
        }
    }
}
