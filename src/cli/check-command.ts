import { Command } from 'commander'
import type { CheckReport, CheckedImage } from '../check/report.ts'
import { userAgent } from '../config/version.ts'
import { parsePlatforms } from '../oci/platform.ts'
import { problemLines } from '../verify/report.ts'
import { configuration } from './configuration.ts'
import { runCommand, sourceRequired, type ProgramIo } from './program-io.ts'

interface CheckOptions {
  config?: string
  platform: string
  decryptionKey: string[]
  json: boolean
}

/** Exit code where the images differ; that of a check that could not be made is that of its error. */
const DIFFERENT = 3

/** Exit code where nothing differs as far as it could be compared. */
const INCOMPLETE = 1

/** `accelctl check`: compares a converted image with its source. `exit` is told the code. */
export function checkCommand(io: ProgramIo, exit: (code: number) => void): Command {
  return new Command('check')
    .description('compare a converted image with its source, path by path, as its readers see it')
    .argument('[source]', 'the original: a reference, oci:PATH and the like')
    .argument('[target]', 'what was made of it')
    .option('--config <file>', 'path of the configuration file: needed for a reference')
    .option('--platform <platforms>', 'which images of the source: os/architecture, …', '')
    .option(
      '--decryption-key <file>',
      'private key of a recipient, for encrypted images; may be given several times',
      (file: string, files: string[]) => [...files, file],
      [],
    )
    .option('--json', 'print the report as JSON', false)
    .addHelpText(
      'after',
      '\nExit codes: 0 all is the same, 3 something differs, 1 it could not be checked, or not all of it.',
    )
    .action(
      async (source: string | undefined, target: string | undefined, options: CheckOptions) => {
        await runCommand(io, exit, async (voice) => {
          if (source === undefined || target === undefined) throw sourceRequired()
          // readers of every format: nothing that another command needs
          const { check } = await import('../check/service.ts')
          const { readPrivateKey } = await import('../check/private-key.ts')
          const report = await check(
            {
              source,
              target,
              platforms: parsePlatforms(options.platform),
              privateKeys: options.decryptionKey.map(readPrivateKey),
              signal: io.signal,
              onStep: (text) => voice.log.info(text),
            },
            voice,
            {
              config:
                options.config === undefined ? undefined : configuration(options.config, io, voice),
              userAgent: userAgent(),
              environment: io.environment,
            },
          )
          io.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : text(report))
          return exitCode(report)
        })
      },
    )
}

function exitCode({ images, passed }: CheckReport): number {
  if (passed) return 0
  return images.some(({ problems }) => problems > 0) ? DIFFERENT : INCOMPLETE
}

const CONCLUSIONS = new Map([
  [0, 'all is the same'],
  [DIFFERENT, 'there are differences'],
  [INCOMPLETE, 'no difference was found, but not all could be compared'],
])

function text(report: CheckReport): string {
  const lines = report.images.flatMap(imageLines)
  return `${[...lines, CONCLUSIONS.get(exitCode(report))].join('\n')}\n`
}

function imageLines(image: CheckedImage): string[] {
  const { views, notes, problems, complete } = image
  return [
    `${image.image} (${image.digest})`,
    `  against ${image.source}`,
    ...views.map(({ reader, paths }) => `  ${reader}: ${paths} paths compared`),
    ...problemLines(image).map((line) => `    ${line}`),
    ...notes.map((note) => `  ${note}`),
    ...(problems > 0 ? [`  ${problems} differences`] : complete ? ['  the same'] : []),
  ]
}
