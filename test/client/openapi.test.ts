import { readFile } from 'node:fs/promises'
import { expect } from 'chai'

import { startTestBroker } from '../support/broker.ts'

describe('the OpenAPI document', () => {
  it('is in the repository as a broker serves it', async () => {
    await using broker = await startTestBroker()
    const { body } = await broker.call('GET', '/openapi.json')
    const kept = JSON.parse(await readFile(new URL('../../openapi.json', import.meta.url), 'utf8'))
    expect({ ...body, info: { ...body.info, version: kept.info.version } }).to.deep.equal(kept)
  })
})
