import { Command } from 'commander'
import type { Collector } from '../store/collector.ts'
import { configuration } from './configuration.ts'
import { outputOption, rendered, type OutputForm } from './output.ts'
import { runCommand, type ProgramIo } from './program-io.ts'
import { formatSize } from '../quantity/quantity.ts'
import { tabTable } from './table.ts'

interface StoreOptions {
  config: string
  output: OutputForm
}

/** `accelctl store`: what the converted layers in the work directory take. `exit` is told the code. */
export function storeCommand(io: ProgramIo, exit: (code: number) => void): Command {
  const store = new Command('store').description('look at the converted layers in work_dir')
  store
    .command('usage')
    .description('say how much room they take')
    .requiredOption('--config <file>', 'path of the configuration file')
    .addOption(outputOption())
    .action((options: StoreOptions) =>
      withCollector(options, io, exit, async (collector) => {
        const usage = await collector.usage()
        io.stdout.write(
          rendered(usage, options.output, ({ content, underWay, needed, layers }) =>
            tabTable([
              ['WHAT', 'SIZE'],
              [`${layers} converted layers`, formatSize(content)],
              ['of these needed by tasks', formatSize(needed)],
              ['under way', formatSize(underWay)],
            ]),
          ),
        )
      }),
    )
  return store
}

/** `accelctl gc`: removes converted layers as `provider.gcpolicy` says. `exit` is told the code. */
export function gcCommand(io: ProgramIo, exit: (code: number) => void): Command {
  return new Command('gc')
    .description('remove converted layers that no task needs, as provider.gcpolicy says')
    .requiredOption('--config <file>', 'path of the configuration file')
    .option('--dry-run', 'only say which', false)
    .addOption(outputOption())
    .action((options: StoreOptions & { dryRun: boolean }) =>
      withCollector(options, io, exit, async (collector) => {
        const removed = options.dryRun ? await collector.plan() : await collector.run()
        io.stdout.write(
          rendered(removed, options.output, (evictions) =>
            tabTable([
              ['SIZE', 'LAST USED', 'USES', 'LAYER'],
              ...evictions.map(({ key, bytes, used, uses }) => [
                formatSize(bytes),
                new Date(used).toISOString(),
                String(uses),
                key,
              ]),
            ]),
          ),
        )
      }),
    )
}

async function withCollector(
  { config: file }: StoreOptions,
  io: ProgramIo,
  exit: (code: number) => void,
  work: (collector: Collector) => Promise<void>,
): Promise<void> {
  await runCommand(io, exit, async (voice) => {
    const { provider } = configuration(file, io, voice)
    // a database: nothing that another command needs
    const { openStore } = await import('../store/store.ts')
    const { collectPolicy } = await import('../store/policy.ts')
    await using store = await openStore(provider.workDir, {
      policy: collectPolicy(provider.gcpolicy),
    })
    await work(store.collector)
    return 0
  })
}
