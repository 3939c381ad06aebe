import { driverSuite } from '../../testing/driver-suite.ts'
import { nydus } from './index.ts'

driverSuite('nydus v6', nydus.configure({}))
driverSuite('nydus v6, not compressed', nydus.configure({ compressor: 'none' }))
driverSuite('nydus v6, in batches', nydus.configure({ batch_size: '0x10000' }))
driverSuite('nydus v5, lz4', nydus.configure({ fs_version: '5', compressor: 'lz4_block' }))
driverSuite('nydus oci_ref', nydus.configure({ oci_ref: 'true' }), { inPlace: true })
