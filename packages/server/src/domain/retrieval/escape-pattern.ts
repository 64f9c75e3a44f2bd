/** Text as a regular expression that matches it literally, also with the `u` flag. */
export const escapePattern = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
