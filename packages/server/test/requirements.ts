/**
 * What the service promises, as data. A test names the requirement it verifies by its id, in square brackets at the
 * end of its title; `requirements.test.ts` fails when a requirement has no test or a title names an unknown one.
 *
 * `source` says why we hold ourselves to it: one of the seven promises (lossless, bounded, current, isolated,
 * trustworthy, free to run, explainable), a standard, or the part of the product that it belongs to.
 */
export interface Requirement {
  id: string
  sentence: string
  source: string
}

export const requirements: readonly Requirement[] = [
  // Hooks of coding agents
  {
    id: 'hooks.capture',
    sentence:
      "What an agent's hooks report is stored as a frame of its session, with events of the shape that an import brings and a digest at every turn, compaction and end.",
    source: 'Automatic capture',
  },
  {
    id: 'hooks.codex',
    sentence: 'Sessions of Codex are recorded as those of Claude Code are, with the files of their patches.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.inject',
    sentence:
      'A session start and its first prompt get the context bundle once, within a budget, and nothing while nothing is known.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.compaction',
    sentence:
      'After a compaction the agent gets the decisions in force and its open frame with the last steps.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.resume',
    sentence: 'A resumed session finds its frame again, and two at once in one project each have their own.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.idle',
    sentence: 'The session of a client that was killed ends when its person begins the next one much later.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.idempotent',
    sentence: 'A report that is sent again is stored once; the same words said again are stored again.',
    source: 'Promise: lossless',
  },
  {
    id: 'hooks.import',
    sentence: 'Importing the transcript of a session that hooks recorded adds only what they did not see.',
    source: 'Promise: lossless',
  },
  {
    id: 'hooks.private',
    sentence:
      'Private parts, also over several fields, secrets and our own injected text are gone before a report is stored.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'hooks.limits',
    sentence: 'Long texts are cut with a mark, and a session keeps a limited number of events.',
    source: 'Promise: bounded',
  },
  {
    id: 'hooks.quiet',
    sentence: 'Whatever a hook sends or whatever fails here, the agent gets an empty answer and goes on.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.budget',
    sentence:
      'A hook is answered within its time budget when the database is not, and what is late is still written.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.forgotten',
    sentence: 'A session that somebody forgot is not recorded again by its hooks.',
    source: 'Promise: isolated',
  },
  {
    id: 'hooks.project',
    sentence: 'A hook names its project in the address; without a name there must be only one.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.send',
    sentence:
      'The command of a hook brings an answer within its time budget or none, never an error, and sends a key only where nobody else reads it.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.plugin',
    sentence: 'The plugins say what the documents say, and start nothing that is not the bridge.',
    source: 'Automatic capture',
  },
  {
    id: 'hooks.tenancy',
    sentence: "Each caller's hook reads and writes what its rights say, and nothing of another organization.",
    source: 'Promise: isolated',
  },

  // Memory: frames, events, anchors, tasks
  {
    id: 'frames.stack',
    sentence:
      'Frames form a tree; a frame is the handle of its call stack, and several agents each have their own.',
    source: 'Promise: lossless',
  },
  {
    id: 'frames.close',
    sentence:
      "Closing a frame closes what its agent left open below, moves other agents' open frames up, and takes no more work.",
    source: 'Promise: lossless',
  },
  {
    id: 'frames.digest',
    sentence:
      'A digest is counted from what happened in the frame and below it, and says nothing that did not.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'anchors.versions',
    sentence:
      'A statement is never overwritten: every state it was in stays, it has one successor at most, and it stands once.',
    source: 'Promise: lossless',
  },
  {
    id: 'tasks.cycle',
    sentence: 'Tasks never wait for each other in a circle, also when several writers try at once.',
    source: 'Tasks',
  },
  {
    id: 'tasks.claim',
    sentence: 'A task has one claim, which its holder or an admin gives back.',
    source: 'Tasks',
  },
  {
    id: 'tasks.ready',
    sentence: 'Tasks that wait for nothing come first, then by priority; counts are exact.',
    source: 'Tasks',
  },
  {
    id: 'memory.fifty',
    sentence: 'Fifty writers at once lose nothing, and every thing they add has a number of its own.',
    source: 'Promise: lossless',
  },
  {
    id: 'memory.idempotent',
    sentence:
      'The same call under the same key happens once and is answered the same each time; another call under it is refused.',
    source: 'draft-ietf-httpapi-idempotency-key-header; promise: lossless',
  },
  {
    id: 'memory.kill',
    sentence: 'What was acknowledged survives kill -9 of the server and of the database.',
    source: 'Promise: lossless',
  },
  {
    id: 'memory.forget',
    sentence: 'What was forgotten is in no answer, no earlier bundle, no digest and no search.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'memory.cancel',
    sentence:
      'Cancelling a call stops its statement in the database within seconds, and nothing of it remains.',
    source: 'MCP, Cancellation',
  },

  // Search and context bundle
  {
    id: 'search.supersession',
    sentence: 'Search never shows a superseded statement above its successor.',
    source: 'Promise: current',
  },
  {
    id: 'search.filters',
    sentence: 'Search narrows by kind, file, time, author, status and branch, in any combination.',
    source: 'Search',
  },
  {
    id: 'search.cursor',
    sentence: 'Pages are disjoint and complete while others write; a changed cursor is refused.',
    source: 'MCP, Pagination',
  },
  {
    id: 'search.hit-fields',
    sentence: 'Every hit shows date, title, status and author.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'context.budget',
    sentence: 'A context bundle never exceeds its token budget, and says how much it left out.',
    source: 'Promise: bounded',
  },
  {
    id: 'context.complete',
    sentence: 'What matched the question is shown in the bundle or counted as left out.',
    source: 'Promise: bounded',
  },
  {
    id: 'context.outdated',
    sentence:
      'A digest in a bundle says which of its decisions are not in force any more, and what replaced them.',
    source: 'Promise: current',
  },
  {
    id: 'context.as-of',
    sentence:
      'The same memory and question give the same bundle; a receipt rebuilds it byte for byte whatever happened since.',
    source: 'Promise: explainable',
  },
  {
    id: 'context.instructions',
    sentence: 'What a person asked for once and for all is in the bundle, whatever the question.',
    source: 'Promise: current',
  },

  // Retrieval core
  {
    id: 'retrieval.bounded',
    sentence: 'Packing never exceeds its budget and accounts for every item.',
    source: 'Promise: bounded',
  },
  {
    id: 'retrieval.deterministic',
    sentence: 'The same items in any order are ranked the same.',
    source: 'Promise: explainable',
  },
  {
    id: 'retrieval.instructions',
    sentence: 'Standing instructions are told from other sentences.',
    source: 'Promise: current',
  },
  {
    id: 'retrieval.supersession',
    sentence: 'Ranking keeps a superseded memory behind its successor, whatever the weights say.',
    source: 'Promise: current',
  },
  {
    id: 'retrieval.tokenise',
    sentence: 'Identifiers and paths are found whole and by their parts.',
    source: 'Search',
  },

  // Isolation and the database
  {
    id: 'rls.isolated',
    sentence:
      'The database itself shows and takes rows of the transaction’s project only, and nothing without one.',
    source: 'Promise: isolated',
  },
  {
    id: 'rls.search-plan',
    sentence: 'Full-text search uses its index although row-level security is forced.',
    source: 'PostgreSQL, Row Security Policies: leakproof functions',
  },
  {
    id: 'tenancy.activity',
    sentence: 'What happened and what there is are told of one project, without what was forgotten.',
    source: 'Promise: isolated',
  },
  {
    id: 'tenancy.scratch',
    sentence:
      'A scratch project is made and removed by those who may, completely, and no other project ever is.',
    source: 'Promise: isolated',
  },
  {
    id: 'tenancy.matrix',
    sentence:
      'Every operation answers every kind of caller as the matrix says; another tenant’s thing is not found.',
    source: 'Promise: isolated',
  },
  {
    id: 'sql.prepare',
    sentence: 'Every statement can be prepared on both engines by the role that runs it.',
    source: 'Database',
  },
  {
    id: 'sql.schema',
    sentence: 'Columns, constraints, indexes, policies and grants are the reviewed ones.',
    source: 'Database',
  },
  {
    id: 'disk.full',
    sentence:
      'A full disk is reported as that and loses nothing that was acknowledged; with room again the service goes on.',
    source: 'Promise: lossless',
  },
  {
    id: 'storage.loss',
    sentence:
      'A database that goes away ends no process, and the answer says whether the change may be there.',
    source: 'Database',
  },
  {
    id: 'migrate.concurrent',
    sentence: 'Instances that start at once apply every migration once.',
    source: 'Database',
  },

  // What enters memory
  {
    id: 'redact.corpus',
    sentence: 'No secret is stored, wherever it stands in a text.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'redact.falsepositives',
    sentence: 'What only looks like a secret is left alone.',
    source: 'Promise: lossless',
  },
  {
    id: 'redact.linear',
    sentence: 'Redaction takes linear time on hostile text.',
    source: 'Promise: bounded',
  },
  {
    id: 'ingest.injected',
    sentence: 'What the server put into a model’s context is never stored again as new knowledge.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'import.transcript',
    sentence: 'A Claude Code transcript becomes a session: what was asked, done, read, changed and said.',
    source: 'Import',
  },
  {
    id: 'import.malformed',
    sentence: 'A broken line of a transcript loses nothing but itself.',
    source: 'Promise: lossless',
  },
  {
    id: 'import.idempotent',
    sentence: 'Importing a session again adds nothing.',
    source: 'Promise: lossless',
  },
  {
    id: 'import.server-memory',
    sentence: 'Entities, observations and relations of the MCP memory server become statements, each once.',
    source: 'Import',
  },
  {
    id: 'import.mem0',
    sentence: 'Memories of mem0 are known by their id: a newer export supersedes what changed.',
    source: 'Import',
  },
  {
    id: 'import.basic-memory',
    sentence:
      'Observations, relations and prose of notes become statements that follow their notes, also when these move.',
    source: 'Import',
  },
  {
    id: 'import.claude-mem',
    sentence:
      'Sessions of one project of claude-mem become frames with their events and digests, while claude-mem runs.',
    source: 'Import; promise: isolated',
  },
  {
    id: 'import.context-db',
    sentence:
      'Frames, events, anchors and contexts of another StackMemory are read from a copy, whichever tables there are.',
    source: 'Import',
  },
  {
    id: 'import.instructions',
    sentence:
      'Every rule that a repository gives to agents becomes a statement that says where it stands; private files and other folders are left out.',
    source: 'Import',
  },
  {
    id: 'import.follows',
    sentence:
      'Importing again follows the source: what changed is superseded, what vanished is retracted, and what people changed here stays.',
    source: 'Import; promise: current',
  },
  {
    id: 'import.clean',
    sentence:
      'No import stores a secret, a private block or text that this server injected, and what is malformed costs nothing else.',
    source: 'Import; promise: trustworthy',
  },
  {
    id: 'import.hostile',
    sentence:
      'No file that is imported keeps the program busy without end, makes it read what it was not pointed at, or moves the cursor of a terminal.',
    source: 'Import; promise: trustworthy',
  },
  {
    id: 'import.undo',
    sentence:
      'An import is taken back by its id, exactly, except for what somebody built on since, which is named; afterwards it can be imported again.',
    source: 'Import',
  },
  {
    id: 'import.tenancy',
    sentence:
      'The id of an import into another project is not found, and taking one back needs project:admin.',
    source: 'Promise: isolated',
  },
  {
    id: 'transfer.roundtrip',
    sentence: 'An export, imported elsewhere, is the same memory: ids, references, times and versions.',
    source: 'Promise: lossless',
  },
  {
    id: 'transfer.search',
    sentence: 'An imported memory answers searches as the original did, also about earlier moments.',
    source: 'Promise: explainable',
  },

  // Embedded database
  {
    id: 'embedded.firststart',
    sentence: 'A first start that is killed leaves nothing or a directory that opens.',
    source: 'Promise: lossless',
  },
  {
    id: 'embedded.kill',
    sentence: 'The embedded database keeps every acknowledged write through kill -9, its indexes intact.',
    source: 'Promise: lossless',
  },
  {
    id: 'embedded.lock',
    sentence: 'One process owns a data directory; a second is refused, and a dead owner is succeeded.',
    source: 'Promise: lossless',
  },
  {
    id: 'embedded.powerloss',
    sentence: 'The embedded database keeps every acknowledged write through a power cut.',
    source: 'Promise: lossless',
  },
  {
    id: 'embedded.snapshot',
    sentence: 'A snapshot restores exactly what was there.',
    source: 'Promise: lossless',
  },

  // HTTP and MCP edges
  { id: 'auth.key-format', sentence: 'A key is judged offline by shape and checksum.', source: 'API keys' },
  {
    id: 'http.body-limit',
    sentence: 'A message over the limit is refused while it is read, and none is read for unknown callers.',
    source: 'RFC 9110 §15.5.14',
  },
  {
    id: 'http.host-origin',
    sentence: 'Foreign Host and Origin headers are refused on every route.',
    source: 'MCP, Transports: DNS rebinding',
  },
  {
    id: 'http.invalid-utf8',
    sentence: 'Invalid UTF-8 is refused and never repaired.',
    source: 'RFC 8259 §8.1',
  },
  {
    id: 'http.port-in-use',
    sentence: 'A port that is taken is reported with what to do.',
    source: 'HTTP edge',
  },
  {
    id: 'mcp.modern',
    sentence: 'Clients of MCP 2026-07-28 are served without sessions.',
    source: 'MCP 2026-07-28',
  },
  {
    id: 'mcp.legacy',
    sentence: 'Clients up to MCP 2025-11-25 are served with sessions.',
    source: 'MCP 2025-11-25',
  },
  {
    id: 'mcp.conformance',
    sentence: 'The fixtures of the conformance suite cannot be reached from production code.',
    source: 'MCP conformance suite',
  },
  {
    id: 'mcp.cancel',
    sentence: 'A client that cancels or leaves aborts its handler.',
    source: 'MCP, Cancellation',
  },
  {
    id: 'mcp.progress',
    sentence: 'Long calls report progress to those who asked for it.',
    source: 'MCP, Progress',
  },
  {
    id: 'mcp.session-bound',
    sentence: 'A session is invisible to everybody who did not open it.',
    source: 'MCP, Security best practices: session hijacking; promise: isolated',
  },
  {
    id: 'mcp.bus-tenant',
    sentence: 'A change is told to subscribers in its tenant and project only.',
    source: 'Promise: isolated',
  },
  {
    id: 'mcp.subscriptions',
    sentence: 'Subscribers of a project hear what changed there.',
    source: 'MCP, Resources: subscriptions',
  },
  {
    id: 'mcp.error-masked',
    sentence: 'Only sentences that we wrote reach a client as an error.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'mcp.arguments',
    sentence: 'Wrong arguments are refused with the name of each and what to do.',
    source: 'MCP, Tools: error handling',
  },
  { id: 'mcp.pinned', sentence: 'A project in the URL or the key needs no argument.', source: 'MCP edge' },
  {
    id: 'mcp.product',
    sentence: 'Memory goes from one client to the next, across both eras.',
    source: 'MCP edge',
  },
  {
    id: 'mcp.prompts',
    sentence: 'Prompts carry memory as data, never as instructions.',
    source: 'MCP, Prompts',
  },
  {
    id: 'mcp.resources',
    sentence: 'Resources list, read and complete only what the caller may enter.',
    source: 'MCP, Resources',
  },
  { id: 'mcp.tools-budget', sentence: 'tools/list stays within 3,000 tokens.', source: 'Promise: bounded' },
  {
    id: 'mcp.tools-stable',
    sentence: 'The listed tools are the same, in the same order, every time.',
    source: 'MCP, Tools',
  },
  {
    id: 'mcp.aliases',
    sentence: 'Other names of the tools work, and are listed only on demand.',
    source: 'MCP edge',
  },

  // Security, from attacks that once worked
  {
    id: 'security.stored-text',
    sentence:
      'No field that is stored keeps a secret: names, paths, labels, keys of retries and questions included.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'security.envelope',
    sentence:
      'Memory never stands outside the envelope of an answer, and none of its lines passes for one of ours.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'security.provenance',
    sentence: 'What a client calls itself cannot pass for another author or a confirmation.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'security.errors',
    sentence: 'No error message carries what another user wrote.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'security.revocation',
    sentence: 'A revoked key, or one with other rights, ends its sessions and streams within seconds.',
    source: 'Promise: isolated',
  },
  {
    id: 'security.responsive',
    sentence: 'One hostile request of the largest size does not stop the server for others.',
    source: 'Promise: bounded',
  },
  {
    id: 'security.data-directory',
    sentence:
      'Other users of the machine read and change nothing of the embedded database, however open its directory is.',
    source: 'Promise: isolated',
  },
  {
    id: 'security.readonly',
    sentence:
      'The readonly switch of the URL holds however it is written or repeated; a key stands nowhere in a URL.',
    source: 'Promise: isolated',
  },
  {
    id: 'security.query',
    sentence: 'No question makes the search fail, whatever characters it is made of.',
    source: 'Promise: bounded',
  },

  // Command line
  {
    id: 'cli.demo',
    sentence:
      'demo proves recall in a project of its own, removes it whatever happens, and touches nothing else.',
    source: 'Command line',
  },
  {
    id: 'cli.status',
    sentence: 'status says where the memory is, who has it open, what is in it and what is open.',
    source: 'Command line',
  },
  {
    id: 'cli.log',
    sentence: 'log tells what happened, newest first, and narrows it by kind, time, author and frame.',
    source: 'Command line',
  },
  {
    id: 'cli.search',
    sentence: 'search shows what memories say with their date, status and author, best first.',
    source: 'Command line',
  },
  {
    id: 'cli.context',
    sentence: 'context is what an agent is given: Markdown in a pipe, readable on a terminal.',
    source: 'Command line',
  },
  {
    id: 'cli.tasks',
    sentence:
      'tasks lists, adds, starts and finishes them, and says which were changed before one was refused.',
    source: 'Command line',
  },
  {
    id: 'cli.show',
    sentence: 'show opens whole memories with their history and what stood around them.',
    source: 'Command line',
  },
  {
    id: 'cli.json',
    sentence: 'With --json every command for a person answers in one documented shape, safe to look at.',
    source: 'Command line',
  },
  {
    id: 'cli.colours',
    sentence: 'Colours are for a terminal only, never with NO_COLOR, and say nothing that words do not.',
    source: 'https://no-color.org',
  },
  {
    id: 'cli.width',
    sentence: 'What is shown on a terminal fits its width; a pipe gets everything.',
    source: 'Command line',
  },
  {
    id: 'cli.pager',
    sentence:
      'More than a screen goes through the pager, which is started without a shell and may be missing or left early.',
    source: 'Command line',
  },
  {
    id: 'cli.pipe',
    sentence: 'A pipe that is closed early is no failure.',
    source: 'Command line',
  },
  {
    id: 'cli.escapes',
    sentence:
      'No control character, terminal escape or bidirectional mark of a stored text reaches the terminal.',
    source: 'Promise: trustworthy',
  },
  {
    id: 'cli.empty',
    sentence: 'Where there is nothing to show, a sentence says what to do next.',
    source: 'Command line',
  },
  {
    id: 'cli.reads-only',
    sentence: 'A command that reads creates no memory where there is none.',
    source: 'Command line',
  },
  {
    id: 'cli.project',
    sentence: 'A project is taken from its name or the directory, and asked for when neither tells.',
    source: 'Command line',
  },
  {
    id: 'cli.times',
    sentence: 'Moments are shown in local time with their day and age, and understood as people write them.',
    source: 'Command line',
  },
  {
    id: 'cli.completion',
    sentence: 'The shell completes commands, options and their values from the program itself.',
    source: 'Command line',
  },
  { id: 'cli.doctor', sentence: 'doctor finds what is wrong and says what to do.', source: 'Command line' },
  {
    id: 'cli.exit-codes',
    sentence: 'Exit codes tell kinds of failure apart; stdout is for programs.',
    source: 'Command line',
  },
  {
    id: 'cli.keys',
    sentence: 'Keys are shown once, listed without secrets, and revoked at once.',
    source: 'Command line',
  },
  {
    id: 'cli.port-in-use',
    sentence: 'A failed start keeps the first key for the one that succeeds.',
    source: 'Command line',
  },
  {
    id: 'cli.readonly-dir',
    sentence: 'A data directory that may not be written is reported as that.',
    source: 'Command line',
  },
  {
    id: 'cli.second-start',
    sentence: 'A second start is answered plainly and harms nothing.',
    source: 'Command line',
  },

  // Connecting clients
  {
    id: 'connect.undo',
    sentence:
      'Undoing a connection gives back the very bytes that were there, or takes out only what it wrote.',
    source: 'Connecting',
  },
  {
    id: 'connect.dry-run',
    sentence: 'A dry run says what would change and writes nothing.',
    source: 'Connecting',
  },
  {
    id: 'connect.idempotent',
    sentence: 'Connecting twice changes nothing; another target changes only our entry.',
    source: 'Connecting',
  },
  {
    id: 'connect.malformed',
    sentence: 'A malformed file is reported with line and column, and left alone.',
    source: 'Connecting',
  },
  { id: 'connect.read-only', sentence: 'A read-only file is left alone.', source: 'Connecting' },
  {
    id: 'connect.symlink',
    sentence: 'A symbolic link stays one; its target is changed.',
    source: 'Connecting',
  },
  {
    id: 'connect.foreign',
    sentence: 'An entry that we did not write is never touched.',
    source: 'Connecting',
  },
  {
    id: 'connect.atomic',
    sentence: 'A file is replaced whole, and never over a change that somebody else made meanwhile.',
    source: 'Connecting',
  },
  {
    id: 'connect.key',
    sentence: 'The key is written and shown only when asked for, and then for its owner alone.',
    source: 'Connecting',
  },
  {
    id: 'connect.changed',
    sentence: 'An entry that was changed by hand is shown and left alone.',
    source: 'Connecting',
  },

  // The bridge: MCP on stdio in front of the service
  {
    id: 'bridge.unchanged',
    sentence: 'Messages of both protocol eras pass unchanged in both directions.',
    source: 'MCP 2025-11-25 and 2026-07-28, Streamable HTTP',
  },
  {
    id: 'bridge.headers',
    sentence:
      'Arguments that a tool marks with x-mcp-header are repeated in headers, and wrongly marked tools left out.',
    source: 'MCP 2026-07-28, Streamable HTTP, Schema Extension',
  },
  {
    id: 'bridge.idempotent',
    sentence: 'Each tool call has an Idempotency-Key of its own, which stays the same when it is repeated.',
    source: 'Promise: lossless',
  },
  {
    id: 'bridge.cancel',
    sentence: 'A cancelled request ends at the service and gets no answer.',
    source: 'MCP, Cancellation',
  },
  {
    id: 'bridge.errors',
    sentence:
      'Every request gets an answer: that of the service, or a sentence of our own that says what to do.',
    source: 'JSON-RPC 2.0',
  },
  {
    id: 'bridge.secure',
    sentence:
      'A key goes only to the address that was given, over https or within this machine, and is never shown.',
    source: 'Bridge',
  },
  {
    id: 'bridge.settings',
    sentence:
      'Both names of each variable are equals; settings that contradict each other are an error that says so.',
    source: 'Bridge',
  },
  {
    id: 'bridge.stdout',
    sentence: 'Standard output carries JSON-RPC messages and nothing else.',
    source: 'MCP, stdio',
  },
  {
    id: 'bridge.session',
    sentence: 'A session that the service has forgotten is opened again, without the client noticing.',
    source: 'MCP 2025-11-25, Session Management',
  },
  {
    id: 'bridge.resume',
    sentence: 'A broken stream is taken up where it ended.',
    source: 'MCP 2025-11-25, Resumability and Redelivery',
  },
  {
    id: 'bridge.repeat',
    sentence: 'What the owner of local memory did not answer before it died is asked of the next one, once.',
    source: 'Promise: lossless',
  },
  {
    id: 'bridge.local',
    sentence:
      'Without an endpoint a client gets the memory on this machine, at the project of its repository.',
    source: 'Bridge',
  },
  {
    id: 'bridge.survives',
    sentence:
      'Six clients write while the owner of their memory is killed ten times: every write is there once.',
    source: 'Promise: lossless',
  },
  {
    id: 'bridge.manifests',
    sentence: 'What describes the bridge to a registry or a desktop client is made of its package.json.',
    source: 'Bridge',
  },
  {
    id: 'bridge.hook',
    sentence: 'A hook command hands a report on, prints the answer, and never fails or delays the agent.',
    source: 'docs/hooks.md',
  },
  {
    id: 'bridge.exit',
    sentence:
      'When the client closes the input, the session is ended and the process is gone within a second.',
    source: 'MCP, stdio, Shutdown',
  },
  {
    id: 'bridge.authorization',
    sentence: 'Whoever supplies the credential is asked again when it is refused.',
    source: 'MCP, Authorization',
  },

  // Local clients without a server
  {
    id: 'local.one-owner',
    sentence:
      'However many clients start at once, one process owns the data directory; it ends after the last client, and who comes while it ends gets the next.',
    source: 'Local memory',
  },
  {
    id: 'local.recovery',
    sentence: 'When the owner is killed, a client soon has another, and nothing acknowledged is lost.',
    source: 'Promise: lossless',
  },
  {
    id: 'local.serve',
    sentence:
      'A running server is the owner that local clients use; a memory that only they have used gets its first key from the first server.',
    source: 'Local memory',
  },
  {
    id: 'local.private',
    sentence:
      'Only the user of a data directory can open the private address of its owner, and no browser can.',
    source: 'Promise: isolated',
  },
  {
    id: 'local.repository',
    sentence:
      'All clones and worktrees of a repository have one name, whatever form its remote is written in, and the name holds no credential.',
    source: 'Local memory',
  },
  {
    id: 'local.project',
    sentence:
      'A repository has one project in an organization, made when it is first asked for; whoever may not enter it learns nothing of it.',
    source: 'Promise: isolated',
  },
  {
    id: 'mcp.idempotency-key',
    sentence:
      'A call of a writing tool that is repeated with the same Idempotency-Key header is answered the same, and does nothing twice.',
    source: 'draft-ietf-httpapi-idempotency-key-header',
  },
  {
    id: 'local.run',
    sentence:
      'While a server or broker has the data directory, a command runs inside it and looks to the person as if it ran in their terminal.',
    source: 'Local memory',
  },
]
