// What a camera or a file shows, as pixels.

/** Longest side of a picture that is looked at, in pixels. */
const SIDE_MAX = 1_600;

/** The pixels of a picture, its middle when it is a camera's. */
export function pixels(bitmap, whole) {
  const side = Math.min(bitmap.width, bitmap.height);
  const [width, height] = whole ? [bitmap.width, bitmap.height] : [side, side];
  const scale = Math.min(1, SIDE_MAX / Math.max(width, height));
  const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  const [left, top] = [(bitmap.width - width) / 2, (bitmap.height - height) / 2];
  context.drawImage(bitmap, left, top, width, height, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
