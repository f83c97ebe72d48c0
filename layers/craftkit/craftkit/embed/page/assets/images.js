// Reads an image file of the user, validates it and reduces its size.

export const IMAGE_LIMIT_BYTES = 5 * 1024 * 1024;
export const IMAGE_TYPES = "image/png,image/jpeg,image/webp,image/gif";

const TARGET_BYTES = 400 * 1024;
const EDGE_PIXELS = 1600;
const SMALLEST_EDGE_PIXELS = 200;
const QUALITY = 0.88;

export class ImageError extends Error {}

/**
 * The image of a file as a `data:` URI. The type is read from its first bytes, not from its name. A
 * large image is drawn again in a smaller size, which also removes metadata such as its location.
 */
export async function readImage(file) {
  if (file.size > IMAGE_LIMIT_BYTES) throw new ImageError("The image is larger than 5 MB.");
  const type = typeOf(new Uint8Array(await file.slice(0, 16).arrayBuffer()));
  if (!type) throw new ImageError("This file is not a PNG, JPEG, WebP or GIF image.");
  const bitmap = await createImageBitmap(new Blob([file], { type })).catch(() => {
    throw new ImageError("This image is damaged and cannot be read.");
  });
  if (file.size <= TARGET_BYTES && Math.max(bitmap.width, bitmap.height) <= EDGE_PIXELS * 2)
    return dataUri(new Blob([file], { type }));
  return dataUri(await smaller(bitmap, type === "image/jpeg" ? "image/jpeg" : "image/webp"));
}

function typeOf(head) {
  const text = String.fromCharCode(...head);
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (/^GIF8[79]a/.test(text)) return "image/gif";
  if (/^RIFF[\s\S]{4}WEBP/.test(text)) return "image/webp";
  return null;
}

async function smaller(bitmap, type) {
  let edge = Math.min(EDGE_PIXELS, Math.max(bitmap.width, bitmap.height));
  for (;;) {
    const share = edge / Math.max(bitmap.width, bitmap.height);
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * share));
    canvas.height = Math.max(1, Math.round(bitmap.height * share));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, QUALITY));
    if (blob.size <= TARGET_BYTES || edge <= SMALLEST_EDGE_PIXELS) return blob;
    edge = Math.round(edge * 0.75);
  }
}

function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new ImageError("This file cannot be read."));
    reader.readAsDataURL(blob);
  });
}
