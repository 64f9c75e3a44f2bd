/** Limits on what an import reads, with their units. What is over a limit is named in the report. */
export const importLimits = {
  instructionFileBytes: 1_048_576,
  instructionFiles: 500,
  rulesPerFile: 1_000,
  rules: 10_000,
  instructionFolders: 5_000,
  instructionImportDepth: 5,
  jsonFileBytes: 268_435_456,
  jsonLineChars: 4_000_000,
  noteBytes: 1_048_576,
  frontMatterChars: 32_768,
  notes: 20_000,
  noteFolders: 20_000,
  transcripts: 100_000,
  transcriptFolders: 20_000,
  databaseBytes: 4_294_967_296,
  problemsKept: 1_000,
} as const
