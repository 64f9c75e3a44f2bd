import type { Anchor, AnchorVersion } from '../domain/memory.ts'
import type { AnchorStore } from '../domain/ports.ts'
import { insertFromJson, selectList, toJsonRows } from './columns.ts'
import type { Transaction } from './database.ts'
import { defineLookup } from './lookup.ts'
import { sql } from './statement.ts'

const fields = [
  'id',
  'refNo',
  'version',
  'type',
  'status',
  'content',
  'rationale',
  'alternatives',
  'files',
  'scope',
  'branch',
  'priority',
  'pinned',
  'frameId',
  'supersededBy',
  'contentHash',
  'statusReason',
  'confirmedAt',
  'expiresAt',
  'authorId',
  'authorName',
  'clientName',
  'source',
  'externalKey',
  'unit',
  'places',
  'occurredAt',
  'createdAt',
  'updatedAt',
  'deletedAt',
] as const
const versionFields = [
  'anchorId',
  'version',
  'status',
  'content',
  'rationale',
  'priority',
  'pinned',
  'supersededBy',
  'statusReason',
  'confirmedAt',
  'expiresAt',
  'changedBy',
  'changedByName',
  'clientName',
  'importId',
  'changedAt',
] as const
const columns = selectList(fields)

// What an anchor was at a moment: its own columns, with the versioned ones taken from the last version then.
const versioned = new Set<string>([
  'version',
  'status',
  'content',
  'rationale',
  'priority',
  'pinned',
  'supersededBy',
  'statusReason',
  'confirmedAt',
  'expiresAt',
])
const columnsAsOf = fields.map((field) => selectList([field], versioned.has(field) ? 'v' : 'a')).join(', ')
const versionAsOf = `join lateral (
    select * from anchor_versions v
    where v.project_id = $1 and v.anchor_id = a.id and v.changed_at <= $3 order by v.version desc limit 1) v on true`

const lookup = defineLookup<Anchor>('anchors', columns)
const insert = sql<never, readonly [string, string]>('anchors.insert', insertFromJson('anchors', fields))
const insertVersion = sql<never, readonly [string, string]>(
  'anchors.insert-version',
  insertFromJson('anchor_versions', versionFields),
)
const findManyAsOf = sql<Anchor, readonly [string, readonly string[], Date]>(
  'anchors.find-many-as-of',
  `select ${columnsAsOf} from anchors a ${versionAsOf}
   where a.project_id = $1 and a.id = any ($2::uuid[]) and a.deleted_at is null`,
)
const findByRefs = sql<Anchor, readonly [string, readonly number[]]>(
  'anchors.find-by-refs',
  `select ${columns} from anchors where project_id = $1 and ref_no = any ($2::int[]) and deleted_at is null`,
)
const findByRefsAsOf = sql<Anchor, readonly [string, readonly number[], Date]>(
  'anchors.find-by-refs-as-of',
  `select ${columnsAsOf} from anchors a ${versionAsOf}
   where a.project_id = $1 and a.ref_no = any ($2::int[]) and a.deleted_at is null`,
)
const findByContent = sql<Anchor, readonly [string, string]>(
  'anchors.find-by-content',
  `select ${columns} from anchors
   where project_id = $1 and content_hash = $2 and status = 'active' and deleted_at is null order by ref_no limit 1`,
)
const findByContents = sql<Anchor, readonly [string, readonly string[]]>(
  'anchors.find-by-contents',
  `select ${columns} from anchors
   where project_id = $1 and content_hash = any ($2::text[]) and status = 'active' and deleted_at is null order by ref_no`,
)
const findByExternalKeys = sql<Anchor, readonly [string, readonly string[]]>(
  'anchors.find-by-external-keys',
  `select ${columns} from anchors where project_id = $1 and external_key = any ($2::text[])`,
)
const lockUnits = sql<Anchor, readonly [string, readonly string[]]>(
  'anchors.lock-units',
  `select ${columns} from anchors
   where project_id = $1 and unit = any ($2::text[]) and status = 'active' and deleted_at is null
   order by ref_no for update`,
)
const setPlaces = sql<never, readonly [string, string, string]>(
  'anchors.set-places',
  `update anchors set places = $3::jsonb where project_id = $1 and id = $2`,
)
const listInForce = sql<Anchor, readonly [string, number]>(
  'anchors.list-in-force',
  `select ${columns} from anchors where project_id = $1 and status = 'active' and deleted_at is null
   order by pinned desc, priority desc, created_at desc, id limit $2`,
)
const listInForceAsOf = sql<Anchor, readonly [string, number, Date]>(
  'anchors.list-in-force-as-of',
  `select ${columnsAsOf} from anchors a ${versionAsOf}
   where a.project_id = $1 and v.status = 'active' and a.deleted_at is null
   order by v.pinned desc, v.priority desc, a.created_at desc, a.id limit $2`,
)
const listByFrames = sql<Anchor, readonly [string, readonly string[]]>(
  'anchors.list-by-frames',
  `select ${columns} from anchors where project_id = $1 and frame_id = any ($2::uuid[]) and deleted_at is null order by ref_no limit 200`,
)
const versions = sql<AnchorVersion, readonly [string, string]>(
  'anchors.versions',
  `select ${selectList(versionFields)} from anchor_versions where project_id = $1 and anchor_id = $2 order by version`,
)
const versionsOf = sql<AnchorVersion, readonly [string, readonly string[]]>(
  'anchors.versions-of',
  `select ${selectList(versionFields)} from anchor_versions
   where project_id = $1 and anchor_id = any ($2::uuid[]) order by anchor_id, version`,
)
const update = sql<{ id: string }, readonly unknown[]>(
  'anchors.update',
  `update anchors set version = $3, status = $4, content = $5, rationale = $6, priority = $7, pinned = $8,
     superseded_by = $9, status_reason = $10, confirmed_at = $11, expires_at = $12, updated_at = $13, deleted_at = $14,
     content_hash = $15, files = $16, external_key = $17
   where project_id = $1 and id = $2 and version = $3 - 1 returning id`,
)

export const createAnchorStore = (tx: Transaction, projectId: string): AnchorStore => ({
  insert: async (anchor) => void (await tx.run(insert, [projectId, toJsonRows(fields, [anchor])])),
  async insertMany(anchors, first) {
    if (anchors.length === 0) return
    await Promise.all([
      tx.run(insert, [projectId, toJsonRows(fields, anchors)]),
      tx.run(insertVersion, [projectId, toJsonRows(versionFields, first)]),
    ])
  },
  insertVersion: async (version) =>
    void (await tx.run(insertVersion, [projectId, toJsonRows(versionFields, [version])])),
  ...lookup(tx, projectId),
  async findMany(ids, asOf) {
    if (!ids.length) return []
    return asOf ? tx.run(findManyAsOf, [projectId, ids, asOf]) : lookup(tx, projectId).findMany(ids)
  },
  async findByRefs(refNos, asOf) {
    if (!refNos.length) return []
    return asOf ? tx.run(findByRefsAsOf, [projectId, refNos, asOf]) : tx.run(findByRefs, [projectId, refNos])
  },
  findByContent: async (hash) => (await tx.run(findByContent, [projectId, hash]))[0],
  findByExternalKeys: async (keys) => (keys.length ? tx.run(findByExternalKeys, [projectId, keys]) : []),
  lockUnits: async (units) => tx.run(lockUnits, [projectId, units]),
  findByContents: async (hashes) => (hashes.length ? tx.run(findByContents, [projectId, hashes]) : []),
  setPlaces: async (id, places) => void (await tx.run(setPlaces, [projectId, id, JSON.stringify(places)])),
  versionsOf: async (ids) => (ids.length ? tx.run(versionsOf, [projectId, ids]) : []),
  listInForce: async (limit, asOf) =>
    asOf ? tx.run(listInForceAsOf, [projectId, limit, asOf]) : tx.run(listInForce, [projectId, limit]),
  listByFrames: async (frameIds) => tx.run(listByFrames, [projectId, frameIds]),
  versions: async (id) => tx.run(versions, [projectId, id]),
  async update(anchor) {
    const rows = await tx.run(update, [
      projectId,
      anchor.id,
      anchor.version,
      anchor.status,
      anchor.content,
      anchor.rationale,
      anchor.priority,
      anchor.pinned,
      anchor.supersededBy,
      anchor.statusReason,
      anchor.confirmedAt,
      anchor.expiresAt,
      anchor.updatedAt,
      anchor.deletedAt,
      anchor.contentHash,
      anchor.files,
      anchor.externalKey,
    ])
    if (rows.length !== 1) throw new Error(`Anchor ${anchor.id} changed under its lock`)
  },
})
