/* The scripts. Each is short and looks at a bounded number of keys: the variants of one page, or 100 records. What a script does is
 * atomic, but not taken back when a later line fails (out of memory): so each begins with what may fail, and what it did before that is
 * harmless by itself.
 *
 * EX 604800: a week, after which nobody has used the prefix any more; who uses it renews that each second (redis__ack). */
#include "tier/redis_scripts.h"

/* clang-format off */

const struct redis_script redis__find = {.text =
    "local names = {ARGV[4]}\n"
    "if ARGV[4] == '' then names = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1) end\n"
    "local out = {}\n"
    "for _, name in ipairs(names) do\n"
    "  local key = ARGV[1] .. name\n"
    "  local f = redis.pcall('HMGET', key, 'm', 'e', 'i')\n"
    "  if f.err then\n"
    "    out[#out + 1] = {name, '', '', '', ''}\n"
    "  elseif f[1] or f[2] or f[3] then\n"
    "    local b = false\n"
    "    if #names == 1 or redis.call('HSTRLEN', key, 'b') <= tonumber(ARGV[3]) then b = redis.call('HGET', key, 'b') end\n"
    "    out[#out + 1] = {name, f[1], f[2], f[3], b}\n"
    "  end\n"
    "end\n"
    "return out\n"};

const struct redis_script redis__store = {.text =
    "local t = redis.call('GET', KEYS[3])\n"
    "if t and tonumber(t) > tonumber(ARGV[1]) then return {0, 0, 0} end\n"
    "local replaced = redis.call('EXISTS', KEYS[2])\n"
    "if replaced == 1 and redis.call('TYPE', KEYS[2]).ok ~= 'hash' then redis.call('DEL', KEYS[2]) end\n"
    "redis.call('HSET', KEYS[2], 'm', ARGV[7], 'b', ARGV[8], 'e', ARGV[9], 'i', ARGV[10])\n"
    "redis.call('PEXPIRE', KEYS[2], ARGV[5])\n"
    "local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')\n"
    "redis.call('ZADD', KEYS[1], string.format('%.0f', tonumber(last[2] or '0') + 1), ARGV[2])\n"
    "if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[5]) then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end\n"
    "if ARGV[3] ~= '' and redis.call('ZREM', KEYS[1], ARGV[3]) == 1 then\n"
    "  replaced = replaced + redis.call('DEL', KEYS[4])\n"
    "end\n"
    "local kept, evicted = 0, 0\n"
    "for _, name in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do\n"
    "  local key = ARGV[6] .. name\n"
    "  if redis.call('EXISTS', key) == 0 then\n"
    "    redis.call('ZREM', KEYS[1], name)\n"
    "  elseif kept < tonumber(ARGV[4]) then\n"
    "    kept = kept + 1\n"
    "  else\n"
    "    redis.call('DEL', key)\n"
    "    redis.call('ZREM', KEYS[1], name)\n"
    "    evicted = evicted + 1\n"
    "  end\n"
    "end\n"
    "return {1, replaced, evicted}\n"};

const struct redis_script redis__drop = {.text =
    "local key = ARGV[1] .. ARGV[2]\n"
    "local i = redis.pcall('HGET', key, 'i') or ''\n"
    "if type(i) == 'table' then i = '' end\n"
    "if i ~= ARGV[3] then return 0 end\n"
    "redis.call('ZREM', KEYS[1], ARGV[2])\n"
    "return redis.call('DEL', key)\n"};

const struct redis_script redis__wipe = {.text =
    "local n = 0\n"
    "for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do n = n + redis.call('DEL', ARGV[2] .. name) end\n"
    "redis.call('DEL', KEYS[1])\n"
    "local t = redis.call('GET', KEYS[2])\n"
    "if not t or tonumber(t) < tonumber(ARGV[1]) then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3]) end\n"
    "return n\n"};

const struct redis_script redis__lease = {.text =
    "local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or '0'\n"
    "local given = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])\n"
    "return {given and 1 or 0, last}\n"};

const struct redis_script redis__peek = {.text =
    "return {redis.call('EXISTS', KEYS[1]), redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or '0'}\n"};

const struct redis_script redis__renew = {.text =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
    "return redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"};

const struct redis_script redis__end = {.text =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
    "return redis.call('DEL', KEYS[1])\n"};

const struct redis_script redis__purge = {.text =
    "local id = redis.call('GET', KEYS[1])\n"
    "if not id then\n"
    "  id = ARGV[1]\n"
    "  redis.call('SET', KEYS[1], id, 'EX', 604800)\n"
    "end\n"
    "local position = tonumber(ARGV[2])\n"
    "local seq = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), position)\n"
    "local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]\n"
    "if last then seq = math.max(seq, tonumber(string.match(last[1], '^%d+'))) end\n"
    "seq = string.format('%.0f', seq + 1)\n"
    "redis.call('XADD', KEYS[3], 'MAXLEN', '~', 100000, seq .. '-0',\n"
    "  'kind', ARGV[3], 'arg', ARGV[4], 'soft', ARGV[5], 'by', ARGV[6], 'from', ARGV[7])\n"
    "redis.call('SET', KEYS[2], seq, 'EX', 604800)\n"
    "redis.call('EXPIRE', KEYS[3], 604800)\n"
    "local news = {}\n"
    "if tonumber(seq) - position <= 100 then\n"
    "  news = redis.call('XRANGE', KEYS[3], string.format('%.0f-0', position + 1), '+', 'COUNT', 100)\n"
    "end\n"
    "return {id, seq, news}\n"};

const struct redis_script redis__join = {.text =
    "local id = redis.call('GET', KEYS[1])\n"
    "local at = redis.call('XRANGE', KEYS[3], ARGV[3] .. '-0', ARGV[3] .. '-0')[1]\n"
    "local first = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1]\n"
    "local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]\n"
    "local had = redis.call('GET', KEYS[2])\n"
    "local before = tonumber(had or '0')\n"
    "if last then before = math.max(before, tonumber(string.match(last[1], '^%d+'))) end\n"
    "if not id or (ARGV[4] == '1' and id == ARGV[1]) then\n"
    "  id = ARGV[2]\n"
    "  redis.call('SET', KEYS[1], id, 'EX', 604800)\n"
    "  redis.call('DEL', KEYS[3])\n"
    "end\n"
    "local seq = math.max(before, tonumber(ARGV[3]))\n"
    "if not had or seq ~= tonumber(had) then redis.call('SET', KEYS[2], string.format('%.0f', seq), 'EX', 604800) end\n"
    "return {id, string.format('%.0f', seq), string.format('%.0f', before), at or false, first or false}\n"};

const struct redis_script redis__ack = {.text =
    "local t = redis.call('TIME')\n"
    "local ms = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))\n"
    "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ms .. ' ' .. ARGV[3])\n"
    "for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[4]) end\n"
    "return 1\n"};

const struct redis_script redis__acks = {.text =
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local all, out = redis.call('HGETALL', KEYS[1]), {string.format('%.0f', now)}\n"
    "for i = 1, #all, 2 do\n"
    "  local ms = tonumber(string.match(all[i + 1], '^%d+ (%d+)') or '0')\n"
    "  if now - ms > tonumber(ARGV[1]) then\n"
    "    redis.call('HDEL', KEYS[1], all[i])\n"
    "  elseif #out < 2000 then\n"
    "    out[#out + 1] = all[i]\n"
    "    out[#out + 1] = all[i + 1]\n"
    "  end\n"
    "end\n"
    "return out\n"};

/* clang-format on */
