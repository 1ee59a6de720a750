// The camera, one picture at a time.

/** Milliseconds between two pictures when nothing was found: enough for eight codes a second, and the phone stays cool. */
const PAUSE = 60;

export class Camera {
  #video;
  #stream = null;
  #look;

  /** `look` is given a picture and the time it was taken, and awaited before the next one. */
  constructor(video, look) {
    this.#video = video;
    this.#look = look;
  }

  get running() {
    return this.#stream !== null;
  }

  /** Throws what `getUserMedia` throws. */
  async start() {
    if (this.running) return;
    const wanted = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    this.#stream = stream;
    this.#video.srcObject = stream;
    await this.#video.play();
    this.#turn(stream);
  }

  stop() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#video.srcObject = null;
  }

  async #turn(stream) {
    while (this.#stream === stream) {
      if (this.#video.readyState >= 2 && !document.hidden) {
        const bitmap = await createImageBitmap(this.#video);
        await this.#look(bitmap, performance.timeOrigin + performance.now());
      }
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }
}
