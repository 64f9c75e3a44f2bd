-- Accounts, memory and its search index.
--
-- Four roles that nobody logs in as, entered per transaction with SET LOCAL ROLE:
--   stackmemory_app      reads and writes memory; row-level security shows it one project at a time
--   stackmemory_account  reads and writes accounts and credentials; has no right on any memory table
--   stackmemory_search   owns the search functions; sees search entries of every project, and the
--                        functions check the project of the transaction themselves. It exists because the
--                        planner does not use a full-text index under a row-level policy: `@@` is not
--                        leakproof. A policy `using (true)` for this one role leaves the index usable
--                        while security stays enabled *and forced* on the table.
--   stackmemory_scratch  deletes a scratch project: one made by a command for a moment, with a slug that begins with
--                        `scratch--`. It alone deletes what was recorded, and its policies show it nothing else
do $$
declare r text;
begin
  foreach r in array array['stackmemory_app', 'stackmemory_account', 'stackmemory_search', 'stackmemory_scratch'] loop
    begin
      if not exists (select from pg_roles where rolname = r) then
        execute format('create role %I nologin nosuperuser nobypassrls nocreatedb nocreaterole', r);
      end if;
    exception when duplicate_object or unique_violation then null; -- another database of this cluster was first
    end;
    if not pg_has_role(current_user, r, 'member') then
      execute format('grant %I to current_user', r);
    end if;
  end loop;
end $$;

create extension if not exists btree_gin;

grant usage on schema public to stackmemory_app, stackmemory_account, stackmemory_search, stackmemory_scratch;

-- Accounts ---------------------------------------------------------------------------------------------

create table organizations (
  id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$'),
  name text not null check (length(name) between 1 and 200),
  kind text not null check (kind in ('personal', 'team')),
  created_at timestamptz not null default now()
);

create table users (
  id uuid primary key,
  email text unique check (length(email) <= 320),
  name text not null check (length(name) between 1 and 200),
  auth_provider text not null,
  auth_id text not null,
  subscription_tier text not null default 'free' check (subscription_tier in ('free', 'pro', 'enterprise')),
  last_login timestamptz,
  created_at timestamptz not null default now(),
  unique (auth_provider, auth_id)
);

create table memberships (
  organization_id uuid not null references organizations (id),
  user_id uuid not null references users (id),
  role text not null check (role in ('viewer', 'member', 'admin', 'owner')),
  created_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
create index memberships_user on memberships (user_id);

create table projects (
  id uuid primary key,
  organization_id uuid not null references organizations (id),
  user_id uuid not null references users (id), -- who created it
  slug text not null check (slug ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$'),
  name text not null check (length(name) between 1 and 200),
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  deleted_at timestamptz,
  unique (organization_id, slug)
);

-- Where the memory of a repository is kept. All clones share the identity: `host/owner/name` of the remote, or
-- `local:<hash>` while there is none.
create table repositories (
  organization_id uuid not null references organizations (id),
  identity text not null check (length(identity) between 1 and 500),
  project_id uuid not null references projects (id),
  created_at timestamptz not null default now(),
  primary key (organization_id, identity)
);
create index repositories_project on repositories (project_id);

create table api_keys (
  id uuid primary key,
  user_id uuid not null references users (id),
  organization_id uuid not null references organizations (id),
  project_id uuid references projects (id), -- null: every project of the organization
  key_hash text not null,
  hint text not null, -- last four characters, to recognise a key in a list
  name text not null check (length(name) between 1 and 100),
  scopes text[] not null,
  last_used timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create index api_keys_organization on api_keys (organization_id, created_at);

grant select, insert, update on organizations, users, memberships, projects, repositories, api_keys
  to stackmemory_account;

-- Memory: project_id is the first column of every key and stands in every statement. ---------------------

-- One counter per project, as on a code host: F12, D13, T14. The row is the project's write lock too:
-- whoever holds it sees every anchor, frame and task committed before.
create table project_counters (
  project_id uuid primary key references projects (id),
  last_ref integer not null default 0
);

-- One row for each run of an import; what it added or changed carries its id, so that it can be taken back.
create table imports (
  project_id uuid not null references projects (id),
  id uuid not null,
  source text not null check (length(source) between 1 and 40),
  label text not null, -- what was read, as it was named
  status text not null check (status in ('running', 'finished', 'stopped', 'undone')),
  report jsonb not null default '{}',
  author_id uuid not null,
  author_name text not null,
  client_name text not null,
  created_at timestamptz not null,
  finished_at timestamptz,
  undone_at timestamptz,
  primary key (project_id, id),
  check ((status = 'undone') = (undone_at is not null))
);
create index imports_recent on imports (project_id, created_at desc);

create table frames (
  project_id uuid not null references projects (id),
  id uuid not null,
  ref_no integer not null,
  parent_id uuid,
  depth smallint not null check (depth between 0 and 64),
  name text not null,
  type text not null,
  status text not null check (status in ('open', 'closed')),
  outcome text check (outcome in ('done', 'abandoned', 'handoff')),
  goal text not null default '',
  constraints text[] not null default '{}',
  files text[] not null default '{}',
  branch text,
  task_id uuid,
  event_count integer not null default 0,
  author_id uuid not null,
  author_name text not null,
  client_name text not null,
  source text not null check (source in ('person', 'agent', 'tool', 'import')),
  external_key text,
  import_id uuid, -- the import that added it
  started_at timestamptz not null, -- when the work began, which an import knows better than the clock
  last_activity_at timestamptz not null,
  closed_at timestamptz,
  created_at timestamptz not null,
  deleted_at timestamptz,
  primary key (project_id, id),
  unique (project_id, ref_no),
  foreign key (project_id, parent_id) references frames (project_id, id),
  foreign key (project_id, import_id) references imports (project_id, id),
  check (parent_id is distinct from id),
  check ((status = 'closed') = (closed_at is not null)),
  check ((status = 'closed') = (outcome is not null))
);
create index frames_parent on frames (project_id, parent_id);
create index frames_open on frames (project_id, created_at desc) where status = 'open' and deleted_at is null;
create unique index frames_external_key on frames (project_id, external_key) where external_key is not null;
create index frames_import on frames (project_id, import_id) where import_id is not null;

-- Append-only: where a frame stood before each move, from which an earlier call stack is rebuilt.
create table frame_moves (
  project_id uuid not null,
  frame_id uuid not null,
  moved_at timestamptz not null,
  from_parent_id uuid,
  from_depth smallint not null,
  primary key (project_id, frame_id, moved_at),
  foreign key (project_id, frame_id) references frames (project_id, id)
);

create table events (
  project_id uuid not null,
  frame_id uuid not null,
  seq integer not null check (seq > 0),
  id uuid not null,
  kind text not null check (kind in ('message', 'tool_call', 'tool_result', 'observation', 'error', 'artifact')),
  role text not null check (role in ('user', 'assistant', 'tool', 'system')),
  actor text not null default '',
  tool text not null default '',
  content text not null,
  data jsonb not null default '{}',
  files text[] not null default '{}',
  is_error boolean not null default false,
  author_id uuid not null,
  author_name text not null,
  client_name text not null,
  source text not null check (source in ('person', 'agent', 'tool', 'import')),
  external_key text,
  import_id uuid,
  occurred_at timestamptz not null,
  created_at timestamptz not null,
  deleted_at timestamptz,
  primary key (project_id, frame_id, seq),
  unique (project_id, id),
  foreign key (project_id, frame_id) references frames (project_id, id),
  foreign key (project_id, import_id) references imports (project_id, id)
);
create index events_recent on events (project_id, occurred_at desc);
create unique index events_external_key on events (project_id, external_key) where external_key is not null;
create index events_import on events (project_id, import_id) where import_id is not null;

create table anchors (
  project_id uuid not null references projects (id),
  id uuid not null,
  ref_no integer not null,
  version integer not null default 1,
  type text not null check (type in ('decision', 'constraint', 'interface', 'fact', 'learning', 'risk')),
  status text not null check (status in ('active', 'superseded', 'retracted', 'expired', 'pending_review', 'quarantined')),
  content text not null,
  rationale text not null default '',
  alternatives text[] not null default '{}',
  files text[] not null default '{}',
  scope text not null check (scope in ('project', 'branch')),
  branch text,
  priority smallint not null check (priority between 1 and 10),
  pinned boolean not null default false,
  frame_id uuid,
  superseded_by uuid,
  content_hash text not null,
  status_reason text not null default '',
  confirmed_at timestamptz,
  expires_at timestamptz,
  author_id uuid not null,
  author_name text not null,
  client_name text not null,
  source text not null check (source in ('person', 'agent', 'tool', 'import')),
  external_key text,
  unit text, -- part of an import's source whose statements are compared when it is read again
  places jsonb not null default '[]', -- where that source said it when it was last read
  occurred_at timestamptz not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (project_id, id),
  unique (project_id, ref_no),
  foreign key (project_id, frame_id) references frames (project_id, id),
  foreign key (project_id, superseded_by) references anchors (project_id, id),
  check (superseded_by is distinct from id),
  check (scope = 'project' or branch is not null)
);
create index anchors_in_force on anchors (project_id, pinned desc, priority desc, created_at desc)
  where status = 'active' and deleted_at is null;
create index anchors_frame on anchors (project_id, frame_id);
create index anchors_superseded_by on anchors (project_id, superseded_by) where superseded_by is not null;
create index anchors_content on anchors (project_id, content_hash);
create unique index anchors_external_key on anchors (project_id, external_key) where external_key is not null;
create index anchors_unit on anchors (project_id, unit) where unit is not null and status = 'active';

-- Append-only: every state an anchor was ever in, from which an earlier bundle is rebuilt.
create table anchor_versions (
  project_id uuid not null,
  anchor_id uuid not null,
  version integer not null,
  status text not null,
  content text not null,
  rationale text not null,
  priority smallint not null,
  pinned boolean not null,
  superseded_by uuid,
  status_reason text not null,
  confirmed_at timestamptz,
  expires_at timestamptz,
  changed_by uuid not null,
  changed_by_name text not null,
  client_name text not null,
  import_id uuid, -- the import that made this version
  changed_at timestamptz not null,
  primary key (project_id, anchor_id, version),
  foreign key (project_id, anchor_id) references anchors (project_id, id),
  foreign key (project_id, import_id) references imports (project_id, id)
);
create index anchor_versions_import on anchor_versions (project_id, import_id) where import_id is not null;

create table digests (
  project_id uuid not null,
  frame_id uuid not null,
  id uuid not null,
  outcome text not null check (outcome in ('done', 'abandoned', 'handoff')),
  summary text not null,
  text text not null, -- the whole digest as it is read and searched
  body jsonb not null,
  duration_ms bigint not null,
  author_id uuid not null,
  author_name text not null,
  client_name text not null,
  source text not null check (source in ('person', 'agent', 'tool', 'import')),
  occurred_at timestamptz not null,
  created_at timestamptz not null,
  deleted_at timestamptz,
  primary key (project_id, frame_id),
  unique (project_id, id),
  foreign key (project_id, frame_id) references frames (project_id, id)
);
create index digests_recent on digests (project_id, occurred_at desc);

-- What a digest was before an import replaced it, so that the import can be taken back.
create table digest_versions (
  project_id uuid not null,
  frame_id uuid not null,
  import_id uuid not null, -- the import that replaced it
  outcome text not null,
  summary text not null,
  text text not null,
  body jsonb not null,
  duration_ms bigint not null,
  occurred_at timestamptz not null,
  created_at timestamptz not null,
  primary key (project_id, frame_id, import_id),
  foreign key (project_id, frame_id) references frames (project_id, id),
  foreign key (project_id, import_id) references imports (project_id, id)
);
create index digest_versions_import on digest_versions (project_id, import_id);

create table tasks (
  project_id uuid not null references projects (id),
  id uuid not null,
  ref_no integer not null,
  version integer not null default 1,
  title text not null,
  description text not null default '',
  status text not null check (status in ('todo', 'in_progress', 'blocked', 'done', 'cancelled')),
  priority text not null check (priority in ('low', 'medium', 'high', 'urgent')),
  tags text[] not null default '{}',
  parent_id uuid,
  frame_id uuid,
  progress smallint not null default 0 check (progress between 0 and 100),
  note text not null default '',
  claimed_by uuid,
  claimed_by_name text,
  claimed_at timestamptz,
  author_id uuid not null,
  author_name text not null,
  client_name text not null,
  source text not null check (source in ('person', 'agent', 'tool', 'import')),
  external_key text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  closed_at timestamptz,
  deleted_at timestamptz,
  primary key (project_id, id),
  unique (project_id, ref_no),
  foreign key (project_id, parent_id) references tasks (project_id, id),
  foreign key (project_id, frame_id) references frames (project_id, id),
  check (parent_id is distinct from id)
);
create index tasks_open on tasks (project_id, updated_at desc)
  where status in ('todo', 'in_progress', 'blocked') and deleted_at is null;
create unique index tasks_external_key on tasks (project_id, external_key) where external_key is not null;
alter table frames add foreign key (project_id, task_id) references tasks (project_id, id);

create table task_versions (
  project_id uuid not null,
  task_id uuid not null,
  version integer not null,
  status text not null,
  priority text not null,
  progress smallint not null,
  note text not null,
  claimed_by_name text,
  changed_by uuid not null,
  changed_by_name text not null,
  client_name text not null,
  import_id uuid,
  changed_at timestamptz not null,
  primary key (project_id, task_id, version),
  foreign key (project_id, task_id) references tasks (project_id, id),
  foreign key (project_id, import_id) references imports (project_id, id)
);
create index task_versions_import on task_versions (project_id, import_id) where import_id is not null;

create table task_dependencies (
  project_id uuid not null,
  task_id uuid not null,
  blocked_by_id uuid not null,
  created_at timestamptz not null,
  removed_at timestamptz, -- an earlier bundle still sees it
  primary key (project_id, task_id, blocked_by_id, created_at),
  foreign key (project_id, task_id) references tasks (project_id, id),
  foreign key (project_id, blocked_by_id) references tasks (project_id, id),
  check (task_id <> blocked_by_id)
);
create unique index task_dependencies_current on task_dependencies (project_id, task_id, blocked_by_id)
  where removed_at is null;
create index task_dependencies_blocking on task_dependencies (project_id, blocked_by_id);

create table receipts (
  project_id uuid not null references projects (id),
  id uuid not null,
  operation text not null,
  input jsonb not null,
  body jsonb not null,
  author_id uuid not null,
  client_name text not null,
  created_at timestamptz not null,
  primary key (project_id, id)
);
create index receipts_recent on receipts (project_id, created_at);

create table idempotency_keys (
  project_id uuid not null references projects (id),
  operation text not null,
  key text not null,
  author_id uuid not null,
  request_hash text not null,
  response jsonb,
  created_at timestamptz not null,
  primary key (project_id, author_id, operation, key)
);
create index idempotency_keys_age on idempotency_keys (project_id, created_at);

-- Search -------------------------------------------------------------------------------------------------

-- One row per chunk of a memory. The application makes `tsv` (its own tokeniser; see domain/retrieval), so
-- neither the text-search configuration nor the version of the server changes what is found.
create table search_entries (
  project_id uuid not null references projects (id),
  item_id uuid not null,
  ord smallint not null,
  item_kind text not null check (item_kind in ('event', 'anchor', 'digest', 'task', 'frame')),
  version integer not null default 1,
  frame_id uuid,
  seq integer,
  kind text not null,
  role text,
  actor text not null default '',
  author_id uuid not null,
  branch text,
  files text[] not null default '{}',
  len smallint not null, -- lexemes in the chunk
  tokens integer not null, -- model tokens in the whole item
  start_offset integer not null,
  end_offset integer not null,
  instruction boolean not null default false,
  occurred_at timestamptz not null,
  created_at timestamptz not null,
  retired_at timestamptz, -- this version was replaced: only an earlier bundle sees it
  tsv tsvector not null,
  statement tsvector, -- the words of a statement in force, without its reasons; null for everything else
  primary key (project_id, item_id, version, ord)
) with (toast_tuple_target = 8160); -- a chunk's tsvector is read whole for every candidate: keep it in the row
-- Every search reads the list of pending rows, of all projects, from end to end: at the default of 4 MB the
-- statistics of a query took 6 to 32 ms, depending on what others had just written; at 512 kB 6 to 10 ms, with no
-- measurable change in the rate of inserts.
create index search_entries_tsv on search_entries using gin (project_id, tsv) with (gin_pending_list_limit = 512);
create index search_entries_frame on search_entries (project_id, frame_id, seq);
create index search_entries_instructions on search_entries (project_id, occurred_at desc) where instruction;
-- Each new statement is compared with those in force, a small part of a project: see search_statements.
create index search_entries_statements on search_entries using gin (project_id, statement) with (fastupdate = off)
  where statement is not null;
-- Questions about statements only.
create index search_entries_anchors on search_entries using gin (project_id, tsv) with (fastupdate = off)
  where item_kind = 'anchor';
-- Two independent samples of one entry in 32, by random bits of the UUIDv7, for the size of a project and for
-- common lexemes: counting 100,000 entries took 60 ms for a size and 20-60 ms for each common lexeme.
create index search_entries_sample on search_entries (project_id) include (len, created_at, retired_at)
  where (get_byte(uuid_send(item_id), 15) & 31) = 0;
create index search_entries_sample_tsv on search_entries using gin (project_id, tsv) with (fastupdate = off)
  where (get_byte(uuid_send(item_id), 14) & 31) = 0;

-- Row-level security ---------------------------------------------------------------------------------------

do $$
declare t text;
begin
  foreach t in array array[
    'project_counters', 'frames', 'frame_moves', 'events', 'anchors', 'anchor_versions', 'digests', 'tasks', 'task_versions',
    'task_dependencies', 'receipts', 'idempotency_keys', 'search_entries', 'imports', 'digest_versions'
  ] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format(
      'create policy %I on %I to stackmemory_app
         using (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)
         with check (project_id = nullif(current_setting(''app.project_id'', true), '''')::uuid)',
      t || '_project', t);
    -- The policy on projects leaves none but the scratch project of the transaction.
    execute format(
      'create policy %I on %I to stackmemory_scratch using (project_id = (select id from projects))', t || '_scratch', t);
    execute format('grant select, delete on %I to stackmemory_scratch', t);
  end loop;
end $$;

alter table projects enable row level security;
create policy projects_app on projects for select to stackmemory_app
  using (id = nullif(current_setting('app.project_id', true), '')::uuid);
create policy projects_scratch on projects to stackmemory_scratch
  using (id = nullif(current_setting('app.project_id', true), '')::uuid and slug like 'scratch--%');
create policy projects_account on projects to stackmemory_account using (true) with check (true);

-- Append-only by grant: no update of what was said, no delete; only the tombstone may be set.
grant select, insert, update on project_counters, frames, anchors, digests, tasks to stackmemory_app;
grant select, insert on frame_moves, events, anchor_versions, task_versions, task_dependencies, receipts to stackmemory_app;
grant select, insert on imports, digest_versions to stackmemory_app;
grant update (status, report, finished_at, undone_at) on imports to stackmemory_app;
-- The key goes when an import is taken back, so that the same can be imported again.
grant update (deleted_at, external_key) on events to stackmemory_app;
grant update (removed_at) on task_dependencies to stackmemory_app;
grant select, insert, update, delete on search_entries, idempotency_keys to stackmemory_app;
grant delete on receipts to stackmemory_app;
grant select on projects to stackmemory_app;
grant select, delete on projects to stackmemory_scratch;

create policy search_entries_search on search_entries for select to stackmemory_search using (true);
grant select on search_entries to stackmemory_search;

-- The functions below keep one plan that does not look at the words asked for, and none may read the table
-- itself: planned for a common word, three of five searches over 10,000 entries of 15,000 read those of
-- every other project too.
--
-- Entries of a project and their mean length as of a moment (null: now): counted while the project is small,
-- estimated from the sample above about 5,000 entries (standard error 1.8 % at 100,000).
create function search_size(p_project uuid, p_as_of timestamptz)
returns table (entries bigint, average_length float8)
language plpgsql stable security definer set search_path = pg_catalog, public
  set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off
as $$
begin
  if p_project is distinct from nullif(current_setting('app.project_id', true), '')::uuid then return; end if;
  return query
  select count(*) * 32, coalesce(avg(e.len), 0)::float8 from search_entries e
  where e.project_id = p_project and (get_byte(uuid_send(e.item_id), 15) & 31) = 0
    and case when p_as_of is null then e.retired_at is null
             else e.created_at <= p_as_of and (e.retired_at is null or e.retired_at > p_as_of) end
  having count(*) >= 160;
  if found then return; end if;
  return query
  select count(*), coalesce(avg(e.len), 0)::float8 from search_entries e
  where e.project_id = p_project
    and case when p_as_of is null then e.retired_at is null
             else e.created_at <= p_as_of and (e.retired_at is null or e.retired_at > p_as_of) end;
end $$;

-- Document frequency of each lexeme as of a moment. In a project that is large by the measure of search_size,
-- lexemes of about 1,000 entries and more are estimated from the other sample (standard error 18 % at worst,
-- which moves the weight of such a lexeme by 4 %); rarer ones are always counted, so that nothing that is
-- there counts as absent. 14 lexemes at 100,000 entries: 265 ms counted, 20 ms so.
create function search_statistics(p_project uuid, p_lexemes text[], p_as_of timestamptz)
returns table (lexeme text, df bigint)
language plpgsql stable security definer set search_path = pg_catalog, public
  set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  is_large boolean;
  query tsquery;
begin
  if p_project is distinct from nullif(current_setting('app.project_id', true), '')::uuid then
    return query select l.lexeme, 0::bigint from unnest(p_lexemes) as l (lexeme);
    return;
  end if;
  select count(*) >= 160 into is_large from search_entries e
  where e.project_id = p_project and (get_byte(uuid_send(e.item_id), 15) & 31) = 0
    and case when p_as_of is null then e.retired_at is null
             else e.created_at <= p_as_of and (e.retired_at is null or e.retired_at > p_as_of) end;
  foreach lexeme in array p_lexemes loop
    query := ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery;
    df := null;
    if is_large then
      select count(*) * 32 into df from search_entries e
      where e.project_id = p_project and e.tsv @@ query and (get_byte(uuid_send(e.item_id), 14) & 31) = 0
        and case when p_as_of is null then e.retired_at is null
                 else e.created_at <= p_as_of and (e.retired_at is null or e.retired_at > p_as_of) end
      having count(*) >= 32;
    end if;
    if df is null then
      select count(*) into df from search_entries e
      where e.project_id = p_project and e.tsv @@ query
        and case when p_as_of is null then e.retired_at is null
                 else e.created_at <= p_as_of and (e.retired_at is null or e.retired_at > p_as_of) end;
    end if;
    return next;
  end loop;
end $$;

-- Candidates for exact BM25: entries that hold one of the rarest lexemes of the query (the gate), the best
-- by what BM25 (k1 1.2, b .75) would say if they held each lexeme once: without the length 600 of them held
-- fewer of the exact top 50 than 300 do with it. They come with their real term frequencies: `matched` is the
-- entry's tsvector with only the query's lexemes. At most 16 lexemes; an unused place is null and costs nothing
-- because `@@` is strict. PL/pgSQL keeps the plan (planning took 3 ms a call), its variables are cheaper than
-- subscripts of an array, and only what is sorted by goes through the sort.
-- `search_anchor_candidates` is the same over statements only, which have an index of their own.
do $do$
declare
  body constant text := $body$
create function %1$I(
  p_project uuid, p_gate tsquery, p_queries tsquery[], p_weights float8[], p_lexemes text[], p_as_of timestamptz,
  p_item_kinds text[], p_kinds text[], p_files text[], p_branch text, p_author uuid,
  p_since timestamptz, p_until timestamptz, p_limit integer, p_average_length float8)
returns table (
  item_id uuid, item_kind text, ord smallint, version integer, frame_id uuid, seq integer, kind text, role text,
  actor text, author_id uuid, files text[], len smallint, tokens integer, start_offset integer, end_offset integer,
  instruction boolean, occurred_at timestamptz, created_at timestamptz, matched tsvector)
language plpgsql stable security definer set search_path = pg_catalog, public
  set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  q1 tsquery := p_queries[1]; w1 float8 := p_weights[1]; q2 tsquery := p_queries[2]; w2 float8 := p_weights[2];
  q3 tsquery := p_queries[3]; w3 float8 := p_weights[3]; q4 tsquery := p_queries[4]; w4 float8 := p_weights[4];
  q5 tsquery := p_queries[5]; w5 float8 := p_weights[5]; q6 tsquery := p_queries[6]; w6 float8 := p_weights[6];
  q7 tsquery := p_queries[7]; w7 float8 := p_weights[7]; q8 tsquery := p_queries[8]; w8 float8 := p_weights[8];
  q9 tsquery := p_queries[9]; w9 float8 := p_weights[9]; q10 tsquery := p_queries[10]; w10 float8 := p_weights[10];
  q11 tsquery := p_queries[11]; w11 float8 := p_weights[11]; q12 tsquery := p_queries[12]; w12 float8 := p_weights[12];
  q13 tsquery := p_queries[13]; w13 float8 := p_weights[13]; q14 tsquery := p_queries[14]; w14 float8 := p_weights[14];
  q15 tsquery := p_queries[15]; w15 float8 := p_weights[15]; q16 tsquery := p_queries[16]; w16 float8 := p_weights[16];
begin
  if p_project is distinct from nullif(current_setting('app.project_id', true), '')::uuid then return; end if;
  return query
  with best as (
    select e.ctid as place,
      (coalesce((e.tsv @@ q1)::int * w1, 0) + coalesce((e.tsv @@ q2)::int * w2, 0)
      + coalesce((e.tsv @@ q3)::int * w3, 0) + coalesce((e.tsv @@ q4)::int * w4, 0)
      + coalesce((e.tsv @@ q5)::int * w5, 0) + coalesce((e.tsv @@ q6)::int * w6, 0)
      + coalesce((e.tsv @@ q7)::int * w7, 0) + coalesce((e.tsv @@ q8)::int * w8, 0)
      + coalesce((e.tsv @@ q9)::int * w9, 0) + coalesce((e.tsv @@ q10)::int * w10, 0)
      + coalesce((e.tsv @@ q11)::int * w11, 0) + coalesce((e.tsv @@ q12)::int * w12, 0)
      + coalesce((e.tsv @@ q13)::int * w13, 0) + coalesce((e.tsv @@ q14)::int * w14, 0)
      + coalesce((e.tsv @@ q15)::int * w15, 0) + coalesce((e.tsv @@ q16)::int * w16, 0))
      / (1.3 + 0.9 * e.len / greatest(p_average_length, 1)) as weight
    from search_entries e
    where e.project_id = p_project and e.tsv @@ p_gate %2$s
      and case when p_as_of is null then e.retired_at is null
               else e.created_at <= p_as_of and (e.retired_at is null or e.retired_at > p_as_of) end
      and (p_item_kinds is null or e.item_kind = any (p_item_kinds))
      and (p_kinds is null or e.kind = any (p_kinds))
      and (p_files is null or e.files && p_files)
      and (p_branch is null or e.branch is null or e.branch = p_branch)
      and (p_author is null or e.author_id = p_author)
      and (p_since is null or e.occurred_at >= p_since)
      and (p_until is null or e.occurred_at < p_until)
    order by weight desc, e.occurred_at desc, e.item_id
    limit p_limit
  )
  select c.item_id, c.item_kind, c.ord, c.version, c.frame_id, c.seq, c.kind, c.role, c.actor, c.author_id, c.files,
    c.len, c.tokens, c.start_offset, c.end_offset, c.instruction, c.occurred_at, c.created_at,
    ts_filter(setweight(c.tsv, 'A', p_lexemes), '{a}')
  from best b join search_entries c on c.ctid = b.place and c.project_id = p_project
  order by b.weight desc, c.occurred_at desc, c.item_id;
end $$
$body$;
begin
  execute format(body, 'search_candidates', '');
  execute format(body, 'search_anchor_candidates', $$and e.item_kind = 'anchor'$$);
end $do$;

-- Statements in force that share most words with a new one, best first, newer first among equals. With 1,600 of
-- them in force a search over all statements with their reasons took 8 ms, this takes 1.
create function search_statements(p_project uuid, p_gate tsquery, p_lexemes text[], p_limit integer)
returns table (item_id uuid)
language plpgsql stable rows 30 security definer set search_path = pg_catalog, public
  set plan_cache_mode = 'force_generic_plan' set enable_seqscan = off
as $$
begin
  if p_project is distinct from nullif(current_setting('app.project_id', true), '')::uuid then return; end if;
  return query
  select e.item_id from search_entries e
  where e.project_id = p_project and e.statement is not null and e.statement @@ p_gate
  order by length(ts_filter(setweight(e.statement, 'A', p_lexemes), '{a}')) desc, e.item_id desc
  limit p_limit;
end $$;

grant create on schema public to stackmemory_search;
alter function search_statements owner to stackmemory_search;
alter function search_size owner to stackmemory_search;
alter function search_statistics owner to stackmemory_search;
alter function search_candidates owner to stackmemory_search;
alter function search_anchor_candidates owner to stackmemory_search;
revoke create on schema public from stackmemory_search;
revoke all on function search_size, search_statistics, search_candidates, search_anchor_candidates, search_statements
  from public;
grant execute on function search_size, search_statistics, search_candidates, search_anchor_candidates, search_statements
  to stackmemory_app;
