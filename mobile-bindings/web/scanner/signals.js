// A verdict for ears and hands: three patterns that differ in rhythm, not only in pitch.

const PATTERNS = {
  accepted: { tones: [[0, 660, 0.12], [0.13, 990, 0.22]], buzz: [80] },
  refused: { tones: [[0, 180, 0.28], [0.36, 180, 0.28], [0.72, 180, 0.28]], buzz: [250, 120, 250, 120, 250] },
  unknown: { tones: [[0, 400, 0.7]], buzz: [700] },
};

let context = null;

/** To be called when a button was pressed: browsers allow sound only then. */
export function allow() {
  context ??= new AudioContext();
  context.resume();
}

export function sound(outcome) {
  if (!context) return;
  for (const [after, pitch, length] of PATTERNS[outcome].tones) {
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    tone.frequency.value = pitch;
    volume.gain.value = 0.25;
    tone.connect(volume).connect(context.destination);
    tone.start(context.currentTime + after);
    tone.stop(context.currentTime + after + length);
  }
}

export const vibrate = (outcome) => navigator.vibrate?.(PATTERNS[outcome].buzz);
