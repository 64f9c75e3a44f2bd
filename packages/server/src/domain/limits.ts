/** Every limit on what a call may bring or take, with its unit in its name. */
export const limits = {
  nameChars: 200,
  contentChars: 8_000, // an anchor is a statement, not a document
  rationaleChars: 8_000,
  summaryChars: 16_000,
  listItems: 50,
  listItemChars: 2_000,
  filesPerItem: 100,
  pathChars: 1_000,
  queryChars: 4_000,
  eventContentBytes: 262_144, // 256 KiB; longer text is cut with a marker that says how much
  eventsPerBatch: 100,
  frameDepth: 64,
  openFramesPerProject: 1_000,
  tagsPerTask: 20,
  tagChars: 50,
  dependenciesPerTask: 50,
  refsPerCall: 20,
  idempotencyKeyChars: 200,
  idempotencyKeyTtlDays: 7,
  receiptTtlDays: 30,
  budgetTokensMin: 200,
  budgetTokensDefault: 1_500,
  budgetTokensMax: 8_000,
  searchHitsDefault: 10,
  searchHitsMax: 50,
  searchCandidates: 300,
  queryLexemes: 16,
  gateLexemes: 8,
  timelineItemsMax: 50,
  activityDefault: 30,
  activityMax: 1_000,
  memoryTokensPerCall: 6_000,
  capturedEventsPerSession: 20_000, // of one session or one of its agents; what comes after is not recorded
  capturedIdleHours: 24, // then the next session of the same person ends it
  capturedBundleTokens: 1_500, // injected at the first prompt and after a compaction
  capturedOverviewTokens: 1_000, // injected when a session starts
  capturedBundleBytes: 9_500, // clients move longer text of a hook into a file
  hookNameChars: 4_096, // of an id, a name or a path in a hook's report; longer paths count as absent
  hookCommandChars: 16_384, // of a command in a hook's report; longer ones are cut with a marker
  hookTextChars: 262_144, // of any other text in a hook's report; longer ones are cut with a marker
  importsListed: 100,
} as const
