/** The bodies of the HTTP API as JSON Schema 2020-12; the types of the same name are in contract.ts. */

/** A JSON Schema. */
export type Schema = { readonly [keyword: string]: unknown }

const text = (description: string): Schema => ({ type: 'string', description })
const time = (description: string): Schema => ({ type: 'string', format: 'date-time', description })
const bytes = (description: string): Schema => ({ type: 'integer', minimum: 0, description })
const digest = (description: string): Schema => ({
  type: 'string',
  pattern: '^sha256:[0-9a-f]{64}$',
  description,
})

const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description })
const check = (description: string): Schema => ({
  type: 'string',
  enum: ['ok', 'failing'],
  description,
})

/** A reference to a schema of the list below. */
export function schemaRef(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

const object = (
  description: string,
  required: Record<string, Schema>,
  optional: Record<string, Schema> = {},
): Schema => ({
  type: 'object',
  description,
  properties: { ...required, ...optional },
  required: Object.keys(required),
})

const taskMembers = {
  required: {
    id: { type: 'string', format: 'uuid' },
    created: time('When it was taken.'),
    finished: time('When it ended; `0001-01-01T00:00:00Z` until then.'),
    source: text('The image, in full.'),
    source_size: bytes('Bytes of its layers; 0 until the task has completed.'),
    target_size: bytes('Bytes of the result’s layers; 0 until the task has completed.'),
    status: {
      type: 'string',
      enum: ['PROCESSING', 'COMPLETED', 'FAILED'],
      description: 'The state as clients of the Go service know it.',
    },
    reason: text('Why it failed, or why there was nothing to convert; else empty.'),
    state: {
      type: 'string',
      enum: ['waiting', 'running', 'completed', 'failed', 'cancelled', 'superseded'],
      description:
        'The state. A superseded task has ended because its tag was moved on; what the tag names now has a task of its own.',
    },
    registry: text('The registry, as the configuration names it.'),
    attempts: { type: 'integer', minimum: 0, description: 'Attempts begun.' },
  },
  optional: {
    started: time('When the first attempt began.'),
    interruptions: count('How often the service died while it ran; absent where it never did.'),
    next_attempt: time('When the next attempt is made.'),
    source_digest: digest('What is converted.'),
    target: text('Where the result is.'),
    target_digest: digest('The result.'),
    code: text('Code of the error, see docs/errors.md.'),
    skipped: { const: true, description: 'There was nothing to convert.' },
    reused: { const: true, description: 'An earlier result was found: nothing was converted.' },
  },
}

const detailMembers = {
  required: taskMembers.required,
  optional: {
    ...taskMembers.optional,
    remedy: text('What can be done about the failure.'),
    causes: {
      type: 'array',
      items: { type: 'string' },
      description:
        'What lay behind the failure, the nearest first, where `reason` does not say it.',
    },
    rule: text('The rule of the configuration that asks for it.'),
    progress: schemaRef('Progress'),
    timings: schemaRef('Timings'),
    layers: {
      type: 'array',
      items: schemaRef('Layer'),
      description: 'Of the last attempt; not in events of all tasks.',
    },
    report: schemaRef('Report'),
  },
}

/** Every body, by the name under which the document has it. */
export const schemas = {
  Ok: { const: 'Ok', description: 'All is well.' },
  Failure: object('Why a request was refused, or a conversion failed.', {
    code: text('A code of the Go service, or one of docs/errors.md.'),
    message: text('For people.'),
  }),
  Task: object('A conversion.', taskMembers.required, taskMembers.optional),
  TaskDetail: object('A conversion in full.', detailMembers.required, detailMembers.optional),
  Progress: object('Where a running task stands. Bytes are totals of all layers.', {
    phase: {
      type: 'string',
      enum: ['pull', 'disk', 'convert', 'push'],
      description: '`disk`: it waits until others have left room.',
    },
    layers: bytes('Layers of all its images.'),
    layers_done: bytes('Layers that are done.'),
    source_bytes: bytes('Bytes of the source’s layers.'),
    read_bytes: bytes('Of these, bytes that were read.'),
    written_bytes: bytes('Bytes of the result that were written.'),
    pushed_bytes: bytes('Bytes of the result that were pushed.'),
  }),
  Timings: object(
    'How long things took, in milliseconds.',
    {},
    {
      wait_ms: { type: 'number', description: 'In line, pauses between attempts included.' },
      run_ms: { type: 'number', description: 'The last attempt.' },
      pull_ms: { type: 'number' },
      convert_ms: { type: 'number' },
      push_ms: { type: 'number' },
    },
  ),
  Record: object(
    'Something that happened to a task.',
    {
      time: time('When.'),
      type: text(
        '`queued`; `started`; `phase`, with one of `progress` as message; `warning`; `retrying`: the attempt failed, and there will be another; `interrupted`: the service stopped or died while it ran, which goes on at the next start; `completed`, `failed`, `cancelled`, `superseded`. Others may come.',
      ),
    },
    { message: text('For people.'), code: text('Code of an error.') },
  ),
  Layer: object(
    'Where one layer stands, and when it came there.',
    {
      platform: text('Of its image, such as `linux/amd64`.'),
      index: {
        type: 'integer',
        minimum: 1,
        description: 'Position in its image, from the lowest.',
      },
      digest: digest('Of the source blob.'),
      state: {
        type: 'string',
        enum: ['waiting', 'converting', 'converted', 'kept', 'pushing', 'pushed'],
        description: '`kept`: it is in the result as it was.',
      },
      size: bytes('Of the source blob.'),
      read: bytes('Of these, bytes that were read.'),
      written: bytes('Bytes of the converted blob that were written.'),
      pushed: bytes('Of these, bytes that were pushed.'),
    },
    {
      convert_from: time('Absent where a layer that was converted before was used.'),
      convert_to: time('When it was converted, or found.'),
      push_from: time('When its push began.'),
      push_to: time('When the target had it.'),
    },
  ),
  Report: object(
    'What a conversion did. Absent until it has completed, where nothing was converted, and in events of all tasks.',
    {
      driver: text('That made the result.'),
      layers: {
        type: 'array',
        items: schemaRef('LayerResult'),
        description: 'Of all its images, one after the other, the lowest of each first.',
      },
      kept: {
        type: 'array',
        items: object('A member of the index.', {
          digest: digest('What it is.'),
          reason: text('Why it was not converted.'),
        }),
        description: 'Members of the index that are in the result as they were.',
      },
    },
    {
      verified_paths: count(
        'Paths that were compared with the source before the push; absent where none were.',
      ),
    },
  ),
  LayerResult: object(
    'One layer, before and after.',
    {
      platform: text('Of its image, such as `linux/amd64`.'),
      index: {
        type: 'integer',
        minimum: 1,
        description: 'Position in its image, from the lowest.',
      },
      digest: digest('Of the source blob.'),
      media_type: text('Of the source blob.'),
      source_size: bytes('Of the source blob.'),
      target_size: bytes('Of the blob that took its place.'),
    },
    {
      index_size: bytes('Of the converted blob, what says where files are.'),
      entries: count('Entries of its tar.'),
      found: {
        type: 'string',
        enum: ['store', 'cache'],
        description: 'It was converted before: found in `work_dir`, or in the remote cache.',
      },
      kept: text('Why it stands in the result unconverted.'),
      warnings: {
        type: 'array',
        items: { type: 'string' },
        description: 'What its driver had to say of it; the history of the task has it too.',
      },
      push: {
        type: 'string',
        enum: ['uploaded', 'exists', 'mounted'],
        description: 'Absent where the result has no such blob.',
      },
    },
  ),
  Status: object('How the service stands.', {
    version: text('Of the program.'),
    waiting: count('Tasks that wait.'),
    running: count('Tasks that run.'),
    workers: count('Tasks that may run at once.'),
    disk: object('The file system of the work directory.', {
      free: bytes('Free bytes.'),
      size: bytes('All its bytes.'),
    }),
    store: object('Converted layers that are kept.', {
      layers: count('How many.'),
      content: bytes('Bytes of them.'),
      needed: bytes('Of these, what tasks need at the moment.'),
      under_way: bytes('Bytes of files under way.'),
      limit: bytes('Content above which layers that nobody needs are removed; 0: none is kept.'),
    }),
    registries: {
      type: 'array',
      description: 'Those that the caller may use.',
      items: object(
        'A registry.',
        { name: text('As the configuration names it.') },
        {
          answers: { type: 'boolean', description: 'The last time; absent until it was asked.' },
          asked: time('When that was.'),
          problem: text('What was wrong.'),
        },
      ),
    },
  }),
  Readiness: object('Whether orders can be taken.', {
    ready: { type: 'boolean' },
    checks: object('By what is looked at.', {
      database: check('Tasks can be stored.'),
      disk: check('There is room in the work directory.'),
      registries: check('All registries answered; does not count for `ready`.'),
    }),
  }),
  Backfill: object(
    'A search for images that should have been converted.',
    {
      running: { type: 'boolean' },
      registries: {
        type: 'array',
        items: object(
          'A search in one registry.',
          {
            host: text('The registry.'),
            images: count('Tags that were looked at.'),
            up_to_date: count('Results that are those of what the tag names.'),
            not_wanted: count('Tags that no rule asks for, and results.'),
            tried_before: count('Results that were tried before, without success or without need.'),
            failed: count('Images and repositories that could not be read.'),
            queued: count('Tasks that were queued, or would be.'),
          },
          {
            error: object('Why the search ended early.', {
              code: text('See docs/errors.md.'),
              message: text('What happened.'),
              hint: text('What can be done.'),
            }),
          },
        ),
      },
      queued: {
        type: 'array',
        items: text('`host/repository:tag`, and the rule where it has a name.'),
        description: 'What was queued, or would be; at most 1000.',
      },
    },
    {
      dry_run: { type: 'boolean', description: 'Nothing is queued.' },
      started: time('When it began.'),
    },
  ),
  Accepted: object('What became of a request to convert images.', {
    tasks: {
      type: 'array',
      items: object('A conversion in full.', detailMembers.required, {
        ...detailMembers.optional,
        joined: { const: true, description: 'It was asked for already.' },
      }),
    },
    skipped: {
      type: 'array',
      items: object('An image that is not converted.', {
        image: text('The image.'),
        reason: text('Why.'),
      }),
    },
  }),
  Image: object(
    'An image to convert.',
    { image: text('`host[:port]/repository[:tag]`, without a scheme.') },
    { digest: digest('What the tag names, where that is known.') },
  ),
  HarborEvent: object(
    'A webhook of Harbor in the format Default. Other types than PUSH_ARTIFACT are answered 200 and nothing is done.',
    { type: text('`PUSH_ARTIFACT`.') },
    {
      operator: text('The account that pushed.'),
      event_data: object('What was pushed.', {
        resources: {
          type: 'array',
          minItems: 1,
          items: object(
            'One artifact.',
            { resource_url: text('`host[:port]/repository:tag` or `…@sha256:…`.') },
            { digest: digest('Its manifest.'), tag: text('Its tag.') },
          ),
        },
      }),
    },
  ),
  CloudEvent: object(
    'A CloudEvent 1.0: `harbor.artifact.pushed` or `zotregistry.image.updated`; other types do nothing.',
    { type: text('What happened.') },
    { data: { type: 'object' }, operator: text('The account that pushed.') },
  ),
  DistributionEvents: object('Notifications of the Distribution registry.', {
    events: { type: 'array', items: { type: 'object' } },
  }),
} satisfies Record<string, Schema>
