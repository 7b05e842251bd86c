-- SPDX-License-Identifier: GPL-2.0
--
-- Wireshark and tshark: what a vunixmon device has captured.
--
--   tshark -X lua_script:vunix.lua -r f.pcap
--
-- or put this file into the folder of personal Lua plugins (Help, About, Folders).
-- What was sent is handed on to the dissector of its protocol: that which a name
-- of the socket tells (preference "Names and protocols"), else that which the first
-- bytes look like.  Streams are put together for that, unless something is missing, or
-- what belongs together is longer than STREAM_MAX.
-- The format is told in <linux/vunixmon.h>.

local ETHERTYPE = 0x88b5
local VERSION = 1
local HDR_LEN = 64
-- What is longer is not put together.
local STREAM_MAX = 1024 * 1024
-- A dissector that does not know how much it needs gets what there is with each packet
-- once more, until this many bytes were gone through.
local TRIES_MAX = 64 * 1024 * 1024
-- A line of D-Bus authentication: no implementation takes more.
local AUTH_MAX = 16 * 1024
-- What dissectors say that do not know how much they need (epan/packet_info.h)
local ONE_MORE_SEGMENT, UNTIL_FIN = 0x0fffffff, 0x0ffffffe

local F_TO_SERVER, F_TO_CLIENT, F_CONTINUED, F_URGENT = 1, 2, 4, 8
local STREAM, DGRAM = 1, 2

local vunix = Proto("vunix", "vunix local sockets")

local types = { [1] = "stream", [2] = "datagram", [5] = "seqpacket" }

local f = {
	version = ProtoField.uint8("vunix.version", "Version"),
	type = ProtoField.uint8("vunix.type", "Type", base.DEC, types),
	hdr_len = ProtoField.uint16("vunix.hdr_len", "Header length"),
	flags = ProtoField.uint16("vunix.flags", "Flags", base.HEX),
	to_server = ProtoField.bool("vunix.flags.to_server", "To the server",
		16, nil, F_TO_SERVER),
	to_client = ProtoField.bool("vunix.flags.to_client", "To the client",
		16, nil, F_TO_CLIENT),
	continued = ProtoField.bool("vunix.flags.continued",
		"Continues a longer send", 16, nil, F_CONTINUED),
	urgent = ProtoField.bool("vunix.flags.urgent", "Urgent", 16, nil,
		F_URGENT),
	time = ProtoField.absolute_time("vunix.time", "Queued",
		base.LOCAL),
	src_id = ProtoField.uint64("vunix.src", "Sender"),
	dst_id = ProtoField.uint64("vunix.dst", "Receiver"),
	id = ProtoField.uint64("vunix.id", "Sender or receiver"),
	seq = ProtoField.uint32("vunix.seq", "Sequence number"),
	msg_flags = ProtoField.uint32("vunix.msg_flags", "Flags of the call",
		base.HEX),
	pid = ProtoField.uint32("vunix.pid", "Process"),
	uid = ProtoField.uint32("vunix.uid", "User"),
	gid = ProtoField.uint32("vunix.gid", "Group"),
	fds = ProtoField.uint32("vunix.fds", "Descriptors"),
	len = ProtoField.uint32("vunix.len", "Length"),
	caplen = ProtoField.uint32("vunix.caplen", "Captured length"),
	src_name = ProtoField.string("vunix.src_name", "Name of the sender"),
	dst_name = ProtoField.string("vunix.dst_name", "Name of the receiver"),
	name = ProtoField.string("vunix.name", "Name of either"),
	data = ProtoField.bytes("vunix.data", "Data"),
	auth = ProtoField.string("vunix.dbus_auth", "D-Bus authentication"),
	pending = ProtoField.uint32("vunix.pending", "Bytes of earlier packets"),
	more = ProtoField.uint32("vunix.more", "Bytes that wait for later packets"),
}
vunix.fields = f

-- Messages that a socket filter refuses are counted and not shown.
local e_lost = ProtoExpert.new("vunix.lost",
	"Packets are missing before this (or refused by a filter, but for streams)",
	expert.group.SEQUENCE, expert.severity.WARN)
local e_cut = ProtoExpert.new("vunix.cut", "Not all of it was captured",
	expert.group.SEQUENCE, expert.severity.NOTE)
local e_short = ProtoExpert.new("vunix.malformed", "Malformed header",
	expert.group.MALFORMED, expert.severity.ERROR)
local e_long = ProtoExpert.new("vunix.too_long", "Too long to be put together",
	expert.group.REASSEMBLE, expert.severity.NOTE)
local e_version = ProtoExpert.new("vunix.other_version",
	"Another version of the format", expert.group.UNDECODED,
	expert.severity.WARN)
vunix.experts = { e_lost, e_cut, e_short, e_long, e_version }

vunix.prefs.names = Pref.string("Names and protocols",
	"redis=resp, valkey=resp, dbus=dbus, system_bus_socket=dbus, " ..
	"/bus=dbus, docker.sock=http, .s.PGSQL=pgsql, mysqld.sock=mysql, " ..
	"/dev/log=syslog, dev-log=syslog",
	"Which dissector gets what is sent from or to sockets in whose name " ..
	"a text is: TEXT=DISSECTOR, with commas between. TABLE:NUMBER, as " ..
	"in tcp.port:6379, finds one, too")
vunix.prefs.guess = Pref.bool("Guess protocols", true,
	"Where no name tells, look at the first bytes of a connection")

vunix.prefs.keep = Pref.uint("Kept of a file (MiB)", 64,
	"How much of messages that are in several packets is kept to be put " ..
	"together; the oldest go first")

-- What is known of each direction, and each pair; and of each packet, as the
-- packets are looked at again, in any order.
local streams, pairs_, frames = {}, {}, {}

-- Beginnings of messages, oldest first.  Each is a list of the pieces that came before
-- its last packet, which all packets share that have one:
--   len	bytes of them
--   need	how many bytes the dissector wants before it is asked again, if it knows
--   tried	how many it has gone through
--   gone	they are not kept any more
local kept = { first = 1, last = 0, bytes = 0 }

function vunix.init()
	streams, pairs_, frames = {}, {}, {}
	kept = { first = 1, last = 0, bytes = 0 }
end

local function forget(msg)
	if msg.gone then
		return
	end
	kept.bytes = kept.bytes - msg.len
	for i = #msg, 1, -1 do
		msg[i] = nil
	end
	msg.gone = true
end

local function new_message()
	local msg = { len = 0, tried = 0 }
	kept.last = kept.last + 1
	kept[kept.last] = msg
	return msg
end

local function keep(msg, piece)
	msg[#msg + 1] = piece
	msg.len = msg.len + #piece
	kept.bytes = kept.bytes + #piece
	while kept.bytes > vunix.prefs.keep * 1024 * 1024 do
		local oldest = kept[kept.first]
		kept[kept.first] = nil
		kept.first = kept.first + 1
		forget(oldest)
	end
end

-- What others have chosen, for columns: tshark prints them on a terminal as they are.
local function printable(s)
	return (s:gsub("[%c\127]", "."):gsub("\194[\128-\159]", "."))
end

-- The first entry for the first name that has one.
local function by_name(...)
	for _, name in ipairs({ ... }) do
		for entry in vunix.prefs.names:gmatch("[^,]+") do
			local text, to = entry:match("^%s*(.-)%s*=%s*(%S+)%s*$")
			if text and text ~= "" and name:find(text, 1, true) then
				return to
			end
		end
	end
end

local function by_content(s)
	if s:find("^%z?AUTH ") or s:find("^[lB][\1-\4][%z\1-\15]\1") then
		return "dbus"
	end
	if s:find("^[*$]%-?%d+\r\n") or s:find("^%+[%w ]+\r\n") or
	   s:find("^PING\r\n") then
		return "resp"
	end
	if s:find("^[A-Z]+ %S+ HTTP/1%.%d\r\n") or s:find("^HTTP/1%.%d %d") then
		return "http"
	end
end

local function dissector_of(key, src_name, dst_name, bytes)
	local known = pairs_[key]
	if known == nil then
		known = by_name(dst_name, src_name)
		if not known and vunix.prefs.guess then
			known = by_content(bytes)
		end
		-- A later packet may tell more.
		pairs_[key] = known
	end
	return known
end

-- By its name; or where others find it: not each has one that scripts can use.
local elsewhere = { resp = "tcp.port:6379", dbus = "wtap_encap:146" }

local function find_dissector(name)
	local ok, d = pcall(Dissector.get, name)
	if ok and d then
		return d
	end
	local tab, nr = (elsewhere[name] or name):match("^(.-):(%d+)$")
	if not tab then
		return
	end
	ok, d = pcall(function()
		return DissectorTable.get(tab):get_dissector(tonumber(nr))
	end)
	return ok and d or nil
end

-- D-Bus, whose dissector takes one message: how many bytes at @at are one, nil if
-- there are not enough to tell, 0 if it is none.
local function dbus_len(tvb, at)
	local left = tvb:len() - at
	local function u32(o)
		if tvb(at, 1):uint() == 0x6c then
			return tvb(at + o, 4):le_uint()
		end
		return tvb(at + o, 4):uint()
	end

	if left < 16 then
		return nil
	end
	local endian = tvb(at, 1):uint()
	if (endian ~= 0x6c and endian ~= 0x42) or tvb(at + 3, 1):uint() ~= 1 then
		return 0
	end
	return 16 + math.floor((u32(12) + 7) / 8) * 8 + u32(4)
end

-- Of what a dissector fails at it has made a malformed packet in the tree, before it
-- becomes an error of Lua (hence pcall): that is done with as well.

-- Returns how many bytes are done with; the others are to come again, with more: with
-- so many that it is as many as the second value says, if that can be told.
local function dissect_dbus(tvb, pinfo, tree, root)
	local d = find_dissector("dbus")
	local at, len = 0, tvb:len()
	local bytes

	while at < len do
		local n = dbus_len(tvb, at)
		bytes = bytes or tvb:raw()
		if (n == nil or n == 0) and bytes:find("^%z?[A-Z]", at + 1) then
			-- Lines of authentication, the first behind a NUL.
			local last = bytes:find("\n", at + 1, true)
			if not last then
				return len - at > AUTH_MAX and len or at
			end
			local text = bytes:sub(at + 1, last):gsub("[%z\r\n]", "")
			tree:add(f.auth, tvb(at, last - at), text)
			pinfo.cols.protocol = "D-Bus"
			pinfo.cols.info:append(", " .. printable(text))
			at = last
		elseif n == nil and bytes:byte(at + 1) == 0 then
			-- That NUL alone, or nothing of it.
			return len
		elseif n == nil or (n > 0 and n > len - at) then
			return at, n or 16
		elseif n == 0 or not d then
			return len
		else
			pcall(d.call, d, tvb(at, n):tvb(), pinfo, root)
			at = at + n
		end
	end
	return at
end

-- Others say themselves what they need, if they @may get it.
local function dissect_other(name, tvb, pinfo, root, may)
	local d = find_dissector(name)
	local len = tvb:len()
	if not d then
		return len
	end
	-- One less for each dissector on the way
	pinfo.can_desegment = may and 2 or 0
	pinfo.desegment_len = 0
	pinfo.desegment_offset = 0
	local ok = pcall(d.call, d, tvb, pinfo, root)
	local more, at = pinfo.desegment_len, pinfo.desegment_offset
	pinfo.desegment_len = 0
	if not ok or more == 0 or at >= len or not may then
		return len
	end
	if more == ONE_MORE_SEGMENT then
		return at
	end
	-- Nothing here tells where a stream ends.
	return at, more == UNTIL_FIN and math.huge or len - at + more
end

local function hand_on(name, tvb, pinfo, tree, root)
	if name == "dbus" then
		return dissect_dbus(tvb, pinfo, tree, root)
	end
	return dissect_other(name, tvb, pinfo, root, true)
end

-- There will be no more of it than @tvb: some can make something of that.
local function hand_on_rest(name, tvb, pinfo, root)
	if name ~= "dbus" then
		dissect_other(name, tvb, pinfo, root, false)
	end
end

-- A stream: what was left of earlier packets goes in front.  When a packet is seen
-- @first it is found out what becomes of it; if it is @cut, nothing will continue it.
local function dissect_stream(frame, first, cut, payload, pinfo, tree, root)
	local st, msg, tvb = frame.stream, frame.msg, payload:tvb()

	-- Whatever happens, it does not come in front of the next once more.
	if first then
		st.msg = nil
	end
	if msg then
		tree:add(f.pending, payload, frame.before):set_generated()
		if first and msg.need and msg.len + payload:len() < msg.need then
			frame.waits = true
			if cut then
				forget(msg)
			else
				frame.more = msg.len + payload:len()
				keep(msg, payload:raw())
				st.msg = msg
			end
		end
	end
	if frame.too_long then
		tree:add_proto_expert_info(e_long)
	end
	if frame.more then
		tree:add(f.more, payload, frame.more):set_generated()
	end
	if frame.waits then
		return
	end
	if msg then
		if msg.gone then
			-- That was when it was seen first.
			if not frame.too_long then
				tree:add_proto_expert_info(e_long)
			end
			return
		end
		tvb = ByteArray.new(table.concat(msg) .. payload:raw(), true)
			:tvb("vunix stream")
	end

	local len = tvb:len()
	local done, need = hand_on(frame.name, tvb, pinfo, tree, root)
	if not first then
		if frame.rest then
			hand_on_rest(frame.name, tvb(frame.rest):tvb(), pinfo, root)
		end
		return
	end
	if done >= len then
		return
	end
	if done > 0 or not msg then
		msg = new_message()
	end
	msg.tried = msg.tried + len - done
	if cut then
		forget(msg)
	elseif (need or len - done) > STREAM_MAX or msg.tried > TRIES_MAX then
		forget(msg)
		frame.rest = done
		if need ~= math.huge then
			frame.too_long = true
			tree:add_proto_expert_info(e_long)
		end
		hand_on_rest(frame.name, tvb(done):tvb(), pinfo, root)
	else
		frame.waits = done == 0
		frame.more = len - done
		tree:add(f.more, payload, frame.more):set_generated()
		keep(msg, done > 0 and tvb(done):raw() or payload:raw())
		msg.need = need
		st.msg = msg
	end
end

local function first_sight(h, payload)
	local way = h.src .. ">" .. h.dst
	-- Of datagrams it is the receiver who counts, whoever sends.
	local counter = h.type == DGRAM and h.dst or way
	local st = streams[counter]
	local frame = {}

	if not st then
		st = { unnumbered = 0 }
		streams[counter] = st
	end
	if h.type == DGRAM and h.seq == 0 then
		-- From another network namespace, or the first: it tells nothing.
		st.unnumbered = st.unnumbered + 1
	else
		frame.lost = st.next ~= nil and
			(h.seq - st.next) % 4294967296 > st.unnumbered
		st.next = (h.seq + (h.type == STREAM and h.len or 1)) % 4294967296
		st.unnumbered = 0
	end
	if st.msg and (frame.lost or (h.len > 0 and not payload)) then
		forget(st.msg)
		st.msg = nil
	elseif st.msg and st.msg.gone then
		frame.too_long = true
		st.msg = nil
	end
	frame.stream = st
	if payload then
		frame.msg = st.msg
		frame.before = st.msg and st.msg.len
		-- Both ends of a connection speak the same.
		local key = h.src < h.dst and way or h.dst .. ">" .. h.src
		frame.name = dissector_of(key, h.src_name, h.dst_name,
			payload:raw(0, math.min(payload:len(), 64)))
	end
	return frame
end

function vunix.dissector(tvb, pinfo, root)
	local tree = root:add(vunix, tvb())

	pinfo.cols.protocol = "vunix"
	if tvb:len() > 0 and tvb(0, 1):uint() ~= VERSION then
		tree:add(f.version, tvb(0, 1))
		tree:add_proto_expert_info(e_version)
		return
	end
	-- It is longer if it has fields that are not known here.
	if tvb:len() < HDR_LEN or tvb(2, 2):uint() > tvb:len() or
	   tvb(2, 2):uint() < HDR_LEN + tvb(6, 1):uint() + tvb(7, 1):uint() then
		tree:add_proto_expert_info(e_short)
		return
	end

	local h = {
		type = tvb(1, 1):uint(),
		hdr_len = tvb(2, 2):uint(),
		flags = tvb(4, 2):uint(),
		src = tostring(tvb(16, 8):uint64()),
		dst = tostring(tvb(24, 8):uint64()),
		seq = tvb(32, 4):uint(),
		len = tvb(56, 4):uint(),
		caplen = tvb(60, 4):uint(),
	}
	local function name(at, n)
		return n == 0 and "" or (tvb(at, n):raw():gsub("%z", "@"))
	end
	local src_len, dst_len = tvb(6, 1):uint(), tvb(7, 1):uint()
	local names = h.hdr_len - src_len - dst_len
	h.src_name = name(names, src_len)
	h.dst_name = name(names + src_len, dst_len)
	local left = math.min(h.caplen, tvb:len() - h.hdr_len)

	tree:set_len(h.hdr_len)
	tree:add(f.version, tvb(0, 1))
	tree:add(f.type, tvb(1, 1))
	tree:add(f.hdr_len, tvb(2, 2))
	local flags = tree:add(f.flags, tvb(4, 2))
	flags:add(f.to_server, tvb(4, 2))
	flags:add(f.to_client, tvb(4, 2))
	flags:add(f.continued, tvb(4, 2))
	flags:add(f.urgent, tvb(4, 2))
	local ns = tvb(8, 8):uint64()
	tree:add(f.time, tvb(8, 8), NSTime.new((ns / 1000000000):tonumber(),
		(ns % 1000000000):tonumber()))
	tree:add(f.src_id, tvb(16, 8))
	tree:add(f.id, tvb(16, 8)):set_hidden()
	tree:add(f.dst_id, tvb(24, 8))
	tree:add(f.id, tvb(24, 8)):set_hidden()
	tree:add(f.seq, tvb(32, 4))
	tree:add(f.msg_flags, tvb(36, 4))
	tree:add(f.pid, tvb(40, 4))
	tree:add(f.uid, tvb(44, 4))
	tree:add(f.gid, tvb(48, 4))
	tree:add(f.fds, tvb(52, 4))
	tree:add(f.len, tvb(56, 4))
	tree:add(f.caplen, tvb(60, 4))
	if src_len > 0 then
		local r = tvb(names, src_len)
		tree:add(f.src_name, r, h.src_name)
		tree:add(f.name, r, h.src_name):set_hidden()
	end
	if dst_len > 0 then
		local r = tvb(names + src_len, dst_len)
		tree:add(f.dst_name, r, h.dst_name)
		tree:add(f.name, r, h.dst_name):set_hidden()
	end
	tree:append_text(", " .. h.src .. " to " .. h.dst)

	pinfo.cols.info = string.format("%s%s -> %s%s, process %d, %d bytes",
		h.src, h.src_name == "" and "" or " " .. printable(h.src_name),
		h.dst, h.dst_name == "" and "" or " " .. printable(h.dst_name),
		tvb(40, 4):uint(), h.len)
	if tvb(52, 4):uint() > 0 then
		pinfo.cols.info:append(string.format(", %d descriptors",
			tvb(52, 4):uint()))
	end

	-- Dissectors go by the port which they were found at to tell who is who.
	if bit.band(h.flags, F_TO_SERVER) ~= 0 then
		pinfo.dst_port = ETHERTYPE
	elseif bit.band(h.flags, F_TO_CLIENT) ~= 0 then
		pinfo.src_port = ETHERTYPE
	end

	local payload = left > 0 and tvb(h.hdr_len, left) or nil
	local frame = frames[pinfo.number]
	local first = not frame
	if first then
		frame = first_sight(h, payload)
		frames[pinfo.number] = frame
	end
	if frame.lost then
		tree:add_proto_expert_info(e_lost)
	end
	if left < h.len then
		tree:add_proto_expert_info(e_cut)
	end
	if not payload then
		return
	end
	tree:add(f.data, payload)

	if not frame.name then
		Dissector.get("data"):call(payload:tvb(), pinfo, root)
	elseif h.type == STREAM then
		dissect_stream(frame, first, left < h.len, payload, pinfo, tree, root)
	else
		hand_on(frame.name, payload:tvb(), pinfo, tree, root)
	end
end

DissectorTable.get("ethertype"):add(ETHERTYPE, vunix)
