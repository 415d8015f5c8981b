/* Loaded before the suite's server (node --require), which listens on every address at a port that it is told: it gets
 * loopback, and the port that the system gives, which it prints. */
'use strict'

const net = require('net')
const listen = net.Server.prototype.listen

net.Server.prototype.listen = function () {
	return listen.call(this, { host: '127.0.0.1', port: 0 })
}
