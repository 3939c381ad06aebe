import { Command } from 'commander'
import { createServiceClient, type ServiceClient } from '../api/client.ts'
import type { WireTask } from '../api/contract.ts'
import { AccelError } from '../errors/accel-error.ts'
import { parseReference } from '../oci/reference.ts'
import { voiceOf, type ProgramIo } from './program-io.ts'
import { ellipsis, tabTable } from './table.ts'

interface TaskOptions {
  addr: string
  authHeader?: string
  token?: string
}

/** Characters of a source or reason that the table shows. */
const MAX_CELL = 80

/** `accelctl task create|list`: what a running acceld does. */
export function taskCommand(io: ProgramIo): Command {
  const task = new Command('task')
    .description('manage the conversions of a running acceld')
    .option(
      '--addr <address>',
      'host:port, https://… or unix:///path of the service',
      'localhost:2077',
    )
    .option('--auth-header <text>', 'the Authorization header, as webhook.auth_header has it')
    .option('--token <token>', "the service's api_token; $ACCEL_TOKEN is used when left out")
  task
    .command('create')
    .description('have an image converted')
    .argument('[source]', 'reference of the image')
    .option('--sync', 'wait until the image is converted', false)
    .action(async (source: string | undefined, options: { sync: boolean }) => {
      await create(clientOf(task.opts<TaskOptions>(), io), source, options, io)
    })
  task
    .command('list')
    .alias('ls')
    .description('list conversions, the newest first')
    .option('--json', 'print all that the service tells, as JSON', false)
    .action(async ({ json }: { json: boolean }) => {
      const tasks = await clientOf(task.opts<TaskOptions>(), io).listTasks({ signal: io.signal })
      io.stdout.write(json ? `${JSON.stringify(tasks, null, 2)}\n` : taskTable(tasks))
    })
  return task
}

function clientOf(options: TaskOptions, io: ProgramIo): ServiceClient {
  const { addr, authHeader } = options
  const token = options.token ?? io.environment['ACCEL_TOKEN']
  const authorization = authHeader ?? (token ? `Bearer ${token}` : undefined)
  return createServiceClient({
    address: addr,
    ...(authorization === undefined ? {} : { authorization }),
  })
}

async function create(
  client: ServiceClient,
  source: string | undefined,
  { sync }: { sync: boolean },
  io: ProgramIo,
): Promise<void> {
  if (source === undefined) throw sourceRequired()
  const { tag, digest } = parseReference(source)
  const { log } = voiceOf(io, 'info')
  if (sync) log.info('Waiting task to be completed...')
  // who names a digest on the command line means it; a webhook's pushes by digest are members of an index
  const untagged = tag === undefined && digest !== undefined
  await client.createTask(source, { sync, untagged, signal: io.signal })
  log.info(
    sync ? 'Task has been completed.' : 'Submitted asynchronous task, check status by `task list`.',
  )
}

/** The table of `task list`, as upstream prints it: scripts take the status from the fourth word. */
export function taskTable(tasks: readonly WireTask[]): string {
  return tabTable([
    ['ID', 'CREATED', 'STATUS', 'SOURCE', 'REASON'],
    ...tasks.map((task) => [
      task.id,
      task.created.slice(0, 'yyyy-mm-ddThh:mm:ss'.length).replace('T', ' '),
      task.status,
      ellipsis(oneLine(task.source), MAX_CELL),
      ellipsis(oneLine(task.reason), MAX_CELL),
    ]),
  ])
}

/** A cell must not end its row or its column, nor move the cursor. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}

/** The error of a command that was not told which image. */
export function sourceRequired(): AccelError {
  return new AccelError('CONFIG_ARGUMENT_MISSING', { name: 'source' })
}
