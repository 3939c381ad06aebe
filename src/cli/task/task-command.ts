import { Command, Option } from 'commander'
import { outputOption, rendered, type OutputForm } from '../output.ts'
import { sourceRequired, type ProgramIo } from '../program-io.ts'
import { create, type CreateOptions } from './create.ts'
import { addServiceOptions, serviceClient } from './service-options.ts'
import { detailTable, taskTable } from './task-table.ts'
import { requireResult, watchTask } from './watch.ts'

interface ListOptions {
  status?: string
  registry?: string
  source?: string
  since?: string
  limit?: string
  json: boolean
  output: OutputForm
}

/** `accelctl task …`: what a running acceld does. */
export function taskCommand(io: ProgramIo): Command {
  const task = addServiceOptions(
    new Command('task').description('manage the conversions of a running acceld'),
  )
  const { signal } = io
  const client = () => serviceClient(task, io)
  const print = (text: string): void => void io.stdout.write(text)
  task
    .command('create')
    .description('have an image converted')
    .argument('[source]', 'reference of the image')
    .option('--sync', 'wait until the image is converted', false)
    .addOption(outputForm('print the task, as JSON or YAML'))
    .action(async (source: string | undefined, options: CreateOptions) => {
      if (source === undefined) throw sourceRequired()
      await create(client(), source, options, io)
    })
  task
    .command('list')
    .alias('ls')
    .description('list conversions, the newest first')
    .option('--status <list>', 'only these: COMPLETED, FAILED, waiting, running, cancelled, …')
    .option('--registry <host>', 'only images of this registry')
    .option('--source <text>', 'only images whose name contains this')
    .option('--since <time>', 'only what was asked for then or later: 2026-11-21T08:00:00Z')
    .option('--limit <number>', 'at most so many')
    .addOption(outputOption())
    .addOption(new Option('--json', 'the same as --output json').default(false).hideHelp())
    .action(async ({ json, output, ...filters }: ListOptions) => {
      const query = Object.fromEntries(Object.entries(filters))
      const tasks = await client().listTasks({ query, signal })
      print(rendered(tasks, json ? 'json' : output, taskTable))
    })
  task
    .command('get')
    .description('show one conversion and what happened to it')
    .argument('<id>', 'of the task')
    .addOption(outputOption())
    .action(async (id: string, { output }: { output: OutputForm }) => {
      const got = await client().getTask(id, { signal })
      const history = await client().taskHistory(id, { signal })
      const value = { ...got, history }
      print(rendered(value, output, () => detailTable(got, history)))
    })
  task
    .command('watch')
    .description('follow a conversion until it has ended; fails when the conversion does')
    .argument('<id>', 'of the task')
    .addOption(outputForm('print the task at the end, as JSON or YAML'))
    .addHelpText('after', '\nExit codes: 0 converted, 1 failed, 3 cancelled or superseded.')
    .action(async (id: string, { output }: { output?: OutputForm }) => {
      const ended = await watchTask(client(), id, io)
      if (output !== undefined) print(rendered(ended, output, () => ''))
      requireResult(ended)
    })
  const changes = {
    cancel: 'stop a conversion that waits or runs',
    retry: 'try a conversion again that failed or was cancelled',
  }
  for (const [name, description] of Object.entries(changes)) {
    task
      .command(name)
      .description(description)
      .argument('<id...>', 'of the tasks')
      .addOption(outputOption())
      .action(async (ids: string[], { output }: { output: OutputForm }) => {
        const service = client()
        const tasks = []
        for (const id of ids) {
          tasks.push(await service[name === 'cancel' ? 'cancelTask' : 'retryTask'](id, { signal }))
        }
        print(rendered(tasks, output, taskTable))
      })
  }
  task
    .command('delete')
    .alias('rm')
    .description('forget conversions that have ended; images are not touched')
    .argument('<id...>', 'of the tasks')
    .action(async (ids: string[]) => {
      const service = client()
      for (const id of ids) await service.deleteTask(id, { signal })
    })
  return task
}

/** `--output` of a command that prints nothing without it. */
function outputForm(description: string): Option {
  return new Option('-o, --output <form>', description).choices(['json', 'yaml'])
}
