// Files of the user, read as `stash-admission check` reads them.

/** The text of a file. Throws an Error that says what is wrong. */
export async function read(file, largest) {
  if (file.size > largest) throw new Error(`${file.name} is larger than ${largest >> 20} MiB: stash-admission check takes larger ones`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const [first, second] = bytes;
  const wide = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : null;
  if (!wide && bytes.includes(0)) throw new Error(`${file.name} is a binary file, not YAML`);
  try {
    return new TextDecoder(wide ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${file.name} is not ${(wide ?? "utf-8").toUpperCase()}`);
  }
}
