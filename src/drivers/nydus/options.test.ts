import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isAccelError } from '../../errors/accel-error.ts'
import { temporaryDirectory } from '../../testing/temporary-directory.ts'
import { nydus } from './index.ts'
import { parseNydusOptions } from './options.ts'

function refused(config: Record<string, string>, key: string, problem: RegExp): void {
  assert.throws(
    () => parseNydusOptions(config),
    (error) => {
      assert.ok(isAccelError(error, 'DRIVER_OPTION_INVALID'))
      assert.match(error.message, new RegExp(`converter\\.driver\\.config\\.${key} `))
      assert.match(error.message, problem)
      return true
    },
  )
}

test('the defaults are those of upstream', () => {
  const { format, prefetch, withReferrer, docker2oci, mergeManifest, notes } = parseNydusOptions({})
  assert.deepEqual(format, {
    version: 6,
    codec: { compressor: 'zstd', level: 3 },
    chunkSize: 0x100000,
    batchSize: 0,
    aligned: true,
    encrypted: false,
  })
  assert.deepEqual(prefetch, ['/'])
  assert.deepEqual([withReferrer, docker2oci, mergeManifest], [false, false, false])
  assert.deepEqual(notes, [])
})

test('values are the raw text of YAML scalars; an empty one is none', () => {
  const { format, prefetch } = parseNydusOptions({
    fs_version: '5',
    compressor: 'lz4_block',
    fs_chunk_size: '0x200000',
    fs_align_chunk: 'True',
    batch_size: '0',
    prefetch_patterns: '/usr/bin\n\n# a comment\n/etc/passwd\n',
    merge_manifest: '',
    chunk_dict_ref: '',
  })
  assert.deepEqual(format.chunkSize, 0x200000)
  assert.deepEqual(
    [format.version, format.codec.compressor, format.aligned],
    [5, 'lz4_block', true],
  )
  assert.deepEqual(prefetch, ['/usr/bin', '/etc/passwd'])
})

test('old names are understood, and refused where they say something else', () => {
  const { format } = parseNydusOptions({ rafs_version: '5', rafs_compressor: 'none' })
  assert.deepEqual([format.version, format.codec.compressor], [5, 'none'])
  assert.equal(parseNydusOptions({ rafs_version: '5', fs_version: '5' }).format.version, 5)
  refused({ rafs_version: '5', fs_version: '6' }, 'rafs_version', /old name of fs_version.*"6"/)
  refused({ rafs_compressor: 'zstd', compressor: 'none' }, 'rafs_compressor', /"none"/)
})

test('what cannot be is refused with the key and what there is', () => {
  refused({ fs_version: '7' }, 'fs_version', /"7" is none of 6, 5/)
  refused({ rafs_version: 'v6' }, 'rafs_version', /none of 6, 5/)
  refused({ compressor: 'gzip' }, 'compressor', /none, lz4_block and zstd/)
  refused({ compressor: 'lz4' }, 'compressor', /none of none, lz4_block, zstd/)
  refused({ compressor: 'none', compression_level: '3' }, 'compression_level', /only zstd/)
  refused({ fs_chunk_size: '0x180000' }, 'fs_chunk_size', /no power of two/)
  refused({ fs_chunk_size: '2048' }, 'fs_chunk_size', /from 4096 to 16777216/)
  refused({ batch_size: '0x200000' }, 'batch_size', /to 1048576/)
  refused({ batch_size: '0x1000', fs_version: '5' }, 'batch_size', /needs fs_version 6/)
  refused({ batch_size: '0x1000', fs_chunk_size: '16MiB' }, 'batch_size', /8 MiB/)
  refused({ prefetch_patterns: 'etc' }, 'prefetch_patterns', /begin with \//)
  refused({ merge_manifest: 'yes' }, 'merge_manifest', /neither true nor false/)
  refused({ fs_chunksize: '1' }, 'fs_chunksize', /did you mean fs_chunk_size/)
})

test('what is not needed is told', () => {
  const { notes } = nydus.configure({ builder: '/usr/bin/nydus-image', work_dir: '/tmp' })
  assert.deepEqual(notes, [
    'converter.driver.config.builder is not needed and not used',
    'converter.driver.config.work_dir is not needed and not used',
  ])
})

test('backends: what is missing, unknown or alone is told by its path', () => {
  const s3 = { backend_type: 's3', backend_config: '{"bucket_name": "b", "secret": "x"}' }
  refused(s3, 'backend_config.secret', /it is not known/)
  refused({ backend_type: 'localfs' }, 'backend_config', /it is missing, and backend_type is local/)
  refused({ backend_type: 'gcs', backend_config: '{}' }, 'backend_type', /none of localfs, s3, oss/)
  refused({ backend_config: '{"dir": "/x"}' }, 'backend_config', /nothing without backend_type/)
  refused({ backend_force_push: 'true' }, 'backend_force_push', /nothing without backend_type/)
  assert.equal(parseNydusOptions({ backend_type: '', backend_config: '' }).store, undefined)
  const localfs = { backend_type: 'localfs', backend_config: '{"dir": "/var/blobs"}' }
  assert.equal(parseNydusOptions(localfs).store?.name, 'directory /var/blobs')
  assert.equal(nydus.configure(localfs).reusable, false)
  assert.equal(nydus.configure({}).reusable, true)
})

test('recipients: encryption needs v6 without batches, makes OCI manifests, and tells what stays in clear', async (t) => {
  const file = join(await temporaryDirectory(t), 'key.pem')
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await writeFile(file, publicKey.export({ type: 'spki', format: 'pem' }))
  const config = { encrypt_recipients: ` jwe:${file} , jwe:${file}`, merge_manifest: 'true' }
  const { recipients, format, docker2oci, notes } = parseNydusOptions(config)
  assert.deepEqual([recipients.length, format.encrypted, docker2oci], [2, true, true])
  assert.match(notes.join(), /names the source, whose layers are not encrypted/)
  assert.equal(nydus.configure(config).reusable, false)
  refused({ ...config, fs_version: '5' }, 'encrypt_recipients', /fs_version 6/)
  refused({ ...config, batch_size: '65536' }, 'batch_size', /small batches/)
  refused({ encrypt_recipients: 'pgp:me' }, 'encrypt_recipients', /"pgp:me": keyrings of GnuPG/)
})

test('what has no effect with oci_ref is told', () => {
  const { notes } = nydus.configure({ oci_ref: 'true', compressor: 'none', batch_size: '0x1000' })
  assert.deepEqual(notes, [
    'with oci_ref converter.driver.config.compressor has no effect',
    'with oci_ref converter.driver.config.batch_size has no effect',
  ])
})
